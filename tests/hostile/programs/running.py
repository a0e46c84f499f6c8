"""Processes, the runner (PID 1) and its stream, time, signals, output and secrets."""

from tests.hostile.attack import Attack

MIB = 1 << 20
FORGED = "import json\npayload = json.dumps({'why': '', 'code': 0, 'counters': {}}).encode()\nframe = lambda k, p: k + struct.pack('>I', len(p)) + p\n"
PROCESSES = [
    Attack("a_daemon_ends_with_its_box", "if os.fork():\n  print('parent leaves', flush=True)\n  os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(60)", "parent leaves", within_s=5),
    Attack("a_daemon_that_holds_the_output", "if os.fork():\n  print('parent leaves', flush=True)\n  os._exit(3)\nwhile True: time.sleep(0.01)", "parent leaves", status=3, within_s=5),
    Attack("a_daemon_that_prints_on_and_on", "if os.fork():\n  print('parent leaves', flush=True)\n  os._exit(3)\nwhile True:\n  time.sleep(0.3)\n  print('more', flush=True)", "parent leaves(\nmore)?", status=3, within_s=5),
    Attack("kill_everyone", "signal.signal(15, signal.SIG_IGN)\nattempt(lambda: os.kill(-1, 9))\nprint('alive')", "(GOT |ESRCH)\\s*\nalive"),
    Attack("kill_the_runner", "for n in (1, 2, 3, 9, 11, 13, 15, 17, 19, 20, 31):\n  try: os.kill(1, n)\n  except OSError as why: print(n, why)\ntime.sleep(0.1)\nprint('alive')", "alive"),
    Attack("stop_the_runner", "os.kill(1, 19); os.kill(1, 20); time.sleep(0.1); print('alive')", "alive"),
    Attack("kill_a_thread_of_the_runner", "attempt(lambda: call('tgkill', 1, 1, 9)); print('alive')", "GOT 0\nalive"),
    Attack("trace_the_runner", "attempt(lambda: call('ptrace', 0x4206, 1, 0, 0))", "EPERM"),
    Attack("memory_of_the_runner", "attempt(lambda: open('/proc/1/mem', 'rb'))", "EACCES"),
    Attack("map_of_the_runner", "attempt(lambda: open('/proc/1/maps').read())", "EACCES"),
    Attack("environment_of_the_runner", "attempt(lambda: open('/proc/1/environ').read())", "EACCES"),
    Attack("descriptors_of_the_runner", "attempt(lambda: os.listdir('/proc/1/fd'))", "EACCES"),
    Attack("slow_the_runner", "attempt(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19))\nprint('alive')", "(GOT |EPERM|EACCES)\\s*\nalive", within_s=5),
    Attack("the_runner_is_there", "print(os.getppid(), os.getpid() > 1, os.getsid(0) == os.getpid())", "1 True True"),
    Attack("no_other_process", "print([n for n in os.listdir('/proc') if n.isdigit() and int(n) not in (1, os.getpid())])", r"\[\]"),
    Attack("files_after_all_processes_are_spent", "open('out/a.txt', 'w').write('x')\ntry:\n  while True:\n    if not os.fork(): time.sleep(60)\nexcept OSError: print('spent')", "spent", files=("a.txt",)),
]  # fmt: skip
PROTOCOL = [
    Attack("an_end_forged_on_stdout", FORGED + "os.write(1, frame(b'x', payload) + frame(b'z', b'{}')); sys.exit(3)", "x.*z.*", status=3),
    Attack("an_end_forged_on_stderr", FORGED + "os.write(2, struct.pack('>BxxxI', 1, len(payload) + 5) + frame(b'x', payload)); sys.exit(3)", status=3, complains="x.*code"),
    Attack("an_end_forged_on_every_descriptor", FORGED + "for n in range(3, 256):\n  try: os.write(n, frame(b'x', payload)); print('GOT', n)\n  except OSError: pass\nsys.exit(3)", status=3),
    Attack("a_file_forged_on_stdout", FORGED + "os.write(1, frame(b'f', b'{\"path\": \"forged.txt\", \"size\": 1}') + frame(b'd', b'x'))", "f.*d.*x"),
    Attack("write_to_the_runners_stream", "attempt(lambda: os.open('/proc/1/fd/1', os.O_WRONLY))", "EACCES"),
    Attack("read_the_owners_words", "print(sys.stdin.buffer.read())", "b''"),
    Attack("type_for_the_owner", "import fcntl\nattempt(lambda: fcntl.ioctl(0, 0x5412, b'x'))", "ENOTTY|EPERM|EIO"),
    Attack("terminals", "for p in ('/dev/tty', '/dev/console', '/dev/pts/0'): attempt(lambda: os.open(p, os.O_RDWR))", "((ENXIO|ENOENT|EACCES|EIO)\\s*){3}"),
    Attack("without_output", "for n in (0, 1, 2): os.close(n)\nos._exit(4)", status=4, within_s=5),
    Attack("modules_named_as_the_runners", "print('hello')", "hello", beside=dict.fromkeys(("contextlib2.py", "inside.py", "resource2.py", "runner.py", "shutil2.py", "sitecustomize.py"), b"raise SystemExit(9)")),
    Attack("without_its_out", "os.rmdir('out'); print('gone')", "gone"),
    Attack("out_is_a_link", "os.rmdir('out'); os.symlink('/etc', 'out'); print('linked')", "linked"),
    Attack("out_is_a_file", "os.rmdir('out'); write('out'); print('a file')", "a file"),
    Attack("out_is_shut", "write('out/a.txt'); os.chmod('out', 0); print('shut')", "shut"),
    Attack("lies_about_its_end", "print(json.dumps({'ended': 'exit', 'code': 0})); sys.exit(9)", '{"ended": "exit", "code": 0}', status=9),
    Attack("counters_written_over", "attempt(lambda: write('/sys/fs/cgroup/pids/pids.max' if os.path.exists('/sys/fs/cgroup/pids') else '/sys/fs/cgroup/pids.max', 'max'))", "EROFS|EACCES"),
]  # fmt: skip
SOON = {"time_s": 1.0}
TIME = [
    Attack("for_ever", "print('before', flush=True)\nwhile True: pass", "before", "timeout", limits=SOON),
    Attack("asleep", "time.sleep(60)", "", "timeout", limits=SOON),
    Attack("deaf", "for n in range(1, 32):\n  try: signal.signal(n, signal.SIG_IGN)\n  except (OSError, ValueError): pass\ntime.sleep(60)", "", "timeout", limits=SOON),
    Attack("stopped", "os.kill(os.getpid(), signal.SIGSTOP)", "", "timeout", limits=SOON),
    Attack("asleep_at_its_exit", "import atexit; atexit.register(time.sleep, 60)", "", "timeout", limits=SOON),
    Attack("a_thread_that_never_ends", "threading.Thread(target=time.sleep, args=(60,)).start()", "", "timeout", limits=SOON),
    Attack("asleep_after_an_exception", "try: time.sleep(60)\nfinally: time.sleep(60)", "", "timeout", limits=SOON),
    Attack("waits_for_a_child_that_waits_for_it", "r, w = os.pipe()\nif os.fork(): os.wait()\nos.read(r, 1)", "", "timeout", limits=SOON),
    Attack("in_one_long_call", "9 ** 9 ** 9", "", "timeout", limits=SOON),
    Attack("files_of_what_did_not_end", "write('out/a.txt'); time.sleep(60)", "", "timeout", files=("a.txt",), limits=SOON),
]  # fmt: skip
SIGNALS = [
    *(Attack(f"signal_{n}", f"print('before', flush=True); os.kill(os.getpid(), {n}); time.sleep(2)", "before", "signal", n) for n in (9, 15, 6, 31, 14)),
    Attack("signal_11", "print('before', flush=True); ctypes.string_at(0)", "before", "signal", 11),
    Attack("a_code_like_a_signals", "sys.exit(137)", status=137),
    Attack("a_code_that_is_too_large", "sys.exit(300)", status=44),
    Attack("its_whole_group", "os.killpg(0, 9)", "", "signal", 9),
    Attack("a_child_kills_it", "me = os.getpid()\nif not os.fork(): os.kill(me, 9)\ntime.sleep(2)", "", "signal", 9),
    Attack("aborted_without_a_dump", "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); print(resource.getrlimit(resource.RLIMIT_CORE), flush=True); os.abort()", r"\(0, 0\)", "signal", 6),
    Attack("a_closed_pipe", "r, w = os.pipe(); os.close(r)\nattempt(lambda: os.write(w, b'x'))", "EPIPE"),
    Attack("a_file_that_is_too_large", "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); print('before', flush=True); os.truncate(os.open('/tmp/x', os.O_CREAT | os.O_RDWR), 200 << 20)", "before", "signal", 25),
    Attack("a_traceback_is_its_own", "def f(): 1 / 0\nf()", status=1, complains=r'^Traceback \(most recent call last\):\n  File "/box/main.py", line 3, in <module>\n    f\(\)\n  File "/box/main.py", line 2, in f\n'),
]  # fmt: skip
OUTPUT = [
    Attack("a_flood", "while True: os.write(1, b'x' * 65536)", f"x{{{MIB}}}", "output_limit", within_s=9),
    Attack("a_flood_of_errors", "while True: os.write(2, b'x' * 65536)", "", "output_limit", complains=f"^x{{{MIB}}}$", within_s=9),
    Attack("as_much_as_is_allowed", f"sys.stdout.write('x' * {MIB})", f"x{{{MIB}}}"),
    Attack("one_more_than_allowed", f"sys.stdout.write('x' * {MIB + 1}); sys.stdout.flush(); time.sleep(30)", f"x{{{MIB}}}", "output_limit"),
    Attack("by_single_bytes", "for n in range(20000): os.write(1, b'x')", "x{20000}"),
    Attack("no_text", "os.write(1, b'a\\xff\\xfe\\x80b')", "a\ufffd+b"),
    Attack("a_character_in_halves", "os.write(1, b'\\xe2\\x82'); time.sleep(0.2); os.write(1, b'\\xac')", "€"),
    Attack("half_a_character_at_the_end", "os.write(1, b'a\\xe2\\x82')", "a\ufffd+"),
    Attack("zeros", "os.write(1, b'a\\0b')", "ab"),
    Attack("a_flood_of_two_bytes", f"os.write(1, 'é'.encode() * 40000 + b'!'); os.write(1, b'x' * {MIB}); time.sleep(30)", f"é{{40000}}!x{{{MIB - 80001}}}", "output_limit"),
    Attack("said_before_it_was_killed", "os.write(1, b'last words'); os.kill(os.getpid(), 9)", "last words", "signal", 9),
    Attack("terminal_codes", "print('\\x1b]0;title\\x07\\x1b[2J')", ""),
    Attack("a_pipe_made_huge", "import fcntl\nattempt(lambda: fcntl.fcntl(1, 1031, 1 << 20) and 0); os.write(1, b'end')", "(GOT 0|EPERM|EBUSY)\\s*\nend"),
]  # fmt: skip
SECRETS = [
    Attack("environment", "print(sorted(os.environ))", r"\['HOME', 'LANG', 'MPLBACKEND', 'MPLCONFIGDIR', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONUNBUFFERED'\]"),
    Attack("secrets_in_any_environment", "found = []\nfor n in filter(str.isdigit, os.listdir('/proc')):\n  try: found += [n] * ('canary' in open(f'/proc/{n}/environ').read())\n  except OSError: found.append('shut')\nprint(found)", r"\['shut'\]"),
    Attack("name_of_the_machine", "print(socket.gethostname())", "box"),
    Attack("folders_of_secrets", "print([p for p in ('/run/secrets', '/var/run/secrets', '/root/.docker', '/root/.aws', '/root/.ssh', '/home', '/mnt/work', '/work') if os.path.exists(p) and os.access(p, os.R_OK) and os.listdir(p)])", r"\[\]"),
    Attack("what_an_earlier_box_left", "print([os.path.join(d, n) for top in ('/tmp', '/box', '/dev/shm', '/var/tmp') for d, _, ns in os.walk(top) for n in ns if 'marker' in n]); write('/tmp/vibe-hostile-marker'); write('/dev/shm/vibe-hostile-marker')", r"\[\]"),
    Attack("shared_memory_of_others", "print([open('/proc/sysvipc/' + n).read().count('\\n') for n in ('shm', 'sem', 'msg')])", r"\[1, 1, 1\]"),
    Attack("certificates_and_keys", "print([os.path.join(d, n) for top in ('/etc', '/opt', '/root') for d, _, ns in os.walk(top) for n in ns if n in ('id_rsa', 'config.json', '.netrc', '.npmrc', 'pip.conf', 'credentials')])", r"\[\]"),
    Attack("command_of_the_runner", "print(open('/proc/1/cmdline').read().split('\\0'))", r"\['python3', ('-I', '-B', )?'/opt/vibe/runner.py', ''\]"),
]  # fmt: skip
