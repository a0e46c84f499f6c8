"""More than its share. Small enough to be harmless where nothing stops them, as in the control."""

from tests.hostile.attack import Attack

REFUSED = "refused"
ALL = [
    Attack("memory", "print('before', flush=True); eat(900)", "before", "memory"),
    Attack("memory_shared", "import mmap\nm = mmap.mmap(-1, 700 << 20)\nprint('before', flush=True)\nfor at in range(0, len(m), 4096): m[at] = 1", "before", "memory"),
    Attack("memory_of_a_child", "pid = os.fork()\nif not pid: eat(900)\nprint('child ended by', os.waitpid(pid, 0)[1] & 127)", "child ended by 9", complains=""),
    Attack("memory_of_files_and_heap", "open('a', 'wb').write(bytes(60 << 20)); open('/tmp/a', 'wb').write(bytes(30 << 20)); print('before', flush=True); eat(900)", "before", "memory"),
    Attack("memory_asked_at_once", "attempt(lambda: libc.free(ctypes.c_void_p(libc.malloc(1 << 46) or 0)) and 0)", "GOT.*"),
    Attack("disk", "attempt(lambda: fill('/box/big', 60 << 20)); attempt(lambda: fill('/box/big', 63 << 20) or [fill(f'/box/b', 1 << 20)]); open('x', 'wb').write(bytes(50 << 20)); attempt(lambda: fill('/box/y', 30 << 20))", "GOT.*ENOSPC"),
    Attack("disk_of_tmp", "attempt(lambda: fill('/tmp/big', 40 << 20))", "ENOSPC"),
    Attack("disk_of_shared_memory", "attempt(lambda: fill('/dev/shm/big', 20 << 20))", "ENOSPC"),
    Attack("many_files", "def make():\n  for n in range(9000): os.close(os.open(f'/tmp/{n}', os.O_CREAT | os.O_WRONLY))\nattempt(make)", "ENOSPC"),
    Attack("many_folders", "def make():\n  for n in range(9000): os.mkdir(f'/tmp/{n}')\nattempt(make)", "ENOSPC"),
    Attack("one_large_file", "attempt(lambda: os.truncate(os.open('/tmp/hole', os.O_CREAT | os.O_RDWR), 200 << 20))", "EFBIG"),
    Attack("memory_as_a_file", "f = os.memfd_create('x')\nattempt(lambda: os.truncate(f, 200 << 20))", "EFBIG"),
    Attack("many_descriptors", "kept = []\ndef more():\n  for n in range(300): kept.append(os.open('/dev/null', os.O_RDONLY))\nattempt(more)", "EMFILE"),
    Attack("more_descriptors_by_decree", "try: resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000000))\nexcept ValueError as why: print(why)", "not allowed to raise maximum limit"),
    Attack("larger_files_by_decree", "try: resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\nexcept ValueError as why: print(why)", "not allowed to raise maximum limit"),
    Attack("many_threads", "def more():\n  for n in range(100): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nattempt(more)", "RuntimeError can't start new thread", noted=REFUSED),
    Attack("fork_bomb", "print('before', flush=True)\nwhile True:\n  try: os.fork()\n  except OSError: pass", "before", "timeout", limits={"time_s": 6.0}, noted=REFUSED),
    Attack("fork_bomb_that_sleeps", "def more():\n  while True:\n    if not os.fork(): time.sleep(60)\nattempt(more)", "EAGAIN", noted=REFUSED, within_s=9),
    Attack("dead_children", "def more():\n  while True:\n    if not os.fork(): os._exit(0)\nattempt(more)", "EAGAIN", noted=REFUSED),
    Attack("sooner_than_others", "attempt(lambda: os.nice(-5))", "EACCES|EPERM"),
    Attack("processors", "print(open('/sys/fs/cgroup/cpu/cpu.cfs_quota_us').read().strip() == '100000' if os.path.exists('/sys/fs/cgroup/cpu') else open('/sys/fs/cgroup/cpu.max').read().split() == ['100000', '100000'])", "True"),
    Attack("never_killed_for_memory", "attempt(lambda: write('/proc/self/oom_score_adj', '-1000'))", "EACCES|EPERM"),
    Attack("first_to_be_killed", "print(open('/proc/self/oom_score_adj').read().strip())", "1000"),
    Attack("swap_is_none", "print([l.strip() for l in open('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes')] == [l.strip() for l in open('/sys/fs/cgroup/memory/memory.limit_in_bytes')] if os.path.exists('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes') else os.path.exists('/sys/fs/cgroup/memory') or open('/sys/fs/cgroup/memory.swap.max').read() == '0\\n')", "True"),
    Attack("deep_recursion", "def f(n): return f(n + 1)\ntry: f(0)\nexcept RecursionError as why: print('RecursionError')", "RecursionError"),
    Attack("huge_number", "print(len(str(9 ** 4000)))\ntry: str(10 ** 100000)\nexcept ValueError: print('ValueError')", "3817\nValueError"),
    Attack("locked_memory", "attempt(lambda: libc.mlock(ctypes.create_string_buffer(64 << 20), 64 << 20) and ctypes.get_errno())", "GOT 1[12]|GOT 1|EAGAIN|ENOMEM"),
    Attack("many_pipes", "kept = []\ndef more():\n  for n in range(200): kept.append(os.pipe())\nattempt(more)", "EMFILE"),
]  # fmt: skip
