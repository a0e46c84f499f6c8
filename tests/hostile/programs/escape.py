"""Out of the box by its files: what the known escapes of this kind did, and plain writing where nothing may be written."""

from tests.hostile.attack import Attack

PLACES = (
    "/etc/passwd-", "/etc/ld.so.preload", "/etc/vibe-hostile-marker", "/usr/bin/vibe-hostile-marker", "/usr/local/bin/python3", "/opt/vibe/runner.py", "/opt/vibe/inside/main.py",
    "/opt/py/lib/python3.11/site-packages/sitecustomize.py", "/root/vibe-hostile-marker", "/var/vibe-hostile-marker", "/home/vibe-hostile-marker",
    "/vibe-hostile-marker", "/run/vibe-hostile-marker", "/lib/vibe-hostile-marker", "/boot/vibe-hostile-marker",
    "/box/../etc/vibe-hostile-marker", "/proc/self/cwd/../etc/vibe-hostile-marker", "/dev/vibe-hostile-marker", "/sys/vibe-hostile-marker",
)  # fmt: skip
ALL = [
    *(
        Attack(f"write {path}", f"attempt(lambda: write({path!r}))", "EROFS|EACCES|EPERM")
        for path in PLACES
    ),
    # CVE-2019-5736: the engine's own program, reached through the process that it started
    Attack("overwrite_the_runtime", "attempt(lambda: open('/proc/1/exe', 'r+b'))", "EACCES"),
    # CVE-2024-21626: a descriptor of the host that leaked into the box
    Attack("leaked_descriptors", "print(sorted(int(n) for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.exists(f'/proc/self/fd/{n}')))", r"\[\]"),
    Attack("leaked_working_folder", "for n in range(3, 20): \n  try: os.chdir(f'/proc/self/fd/{n}/../../../..'); print('GOT', os.listdir('.'))\n  except OSError: pass\nprint('in', os.getcwd())", "in /box"),
    Attack("root_of_the_runner", "attempt(lambda: os.listdir('/proc/1/root'))", "EACCES"),
    Attack("folder_of_the_runner", "attempt(lambda: os.readlink('/proc/1/cwd'))", "EACCES"),
    Attack("namespace_of_the_runner", "attempt(lambda: os.open('/proc/1/ns/net', os.O_RDONLY))", "EACCES"),
    Attack("become_root", "attempt(lambda: os.setuid(0))", "EPERM"),
    Attack("become_roots_group", "attempt(lambda: os.setgid(0))", "EPERM"),
    Attack("groups", "attempt(lambda: os.setgroups([0, 999]))", "EPERM"),
    Attack("real_and_effective", "attempt(lambda: os.setresuid(0, 0, 0))", "EPERM"),
    Attack("own_by_root", "write('a'); attempt(lambda: os.chown('a', 0, 0))", "EPERM"),
    Attack("device_node", "attempt(lambda: os.mknod('disk', 0o60666, os.makedev(254, 0)))", "EPERM"),
    Attack("who", "print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups())", r"65532 65532 65532 \[(65532)?\]"),
    Attack("borrowed_rights", "import glob, stat\nprint([p for top in ('/usr', '/bin', '/sbin', '/opt') for d, _, ns in os.walk(top) for n in ns for p in [os.path.join(d, n)] if os.lstat(p).st_mode & 0o6000 and stat.S_ISREG(os.lstat(p).st_mode)])", r"\[\]"),
    Attack("rights_by_a_bit", "import shutil; shutil.copy('/usr/bin/id', 'mine'); os.chmod('mine', 0o6755); print(subprocess.run(['./mine', '-u'], capture_output=True, text=True).stdout.strip())", "65532"),
    Attack("start_from_tmp", "import shutil; shutil.copy('/bin/true', '/tmp/x'); os.chmod('/tmp/x', 0o755); attempt(lambda: subprocess.run(['/tmp/x']).returncode)", "EACCES"),
    Attack("start_from_shared_memory", "import shutil; shutil.copy('/bin/true', '/dev/shm/x'); os.chmod('/dev/shm/x', 0o755); attempt(lambda: subprocess.run(['/dev/shm/x']).returncode)", "EACCES"),
    Attack("hard_link_of_the_system", "attempt(lambda: os.link('/etc/passwd', '/box/passwd'))", "EXDEV|EPERM"),
    Attack("shadow", "attempt(lambda: open('/etc/shadow').read())", "EACCES"),
    Attack("mounts_are_read_only", "print([l.split()[1] for l in open('/proc/mounts') if 'rw' in l.split()[3].split(',') and l.split()[2] not in ('proc', 'sysfs', 'devpts', 'mqueue', 'cgroup', 'cgroup2', 'tmpfs')])", r"\[\]"),
    Attack("where_it_may_write", "print(sorted(p for p in {l.split()[1] for l in open('/proc/mounts')} if os.path.isdir(p) and os.access(p, os.W_OK)))", r"\['/box', ('/dev/mqueue', )?'/dev/shm', '/tmp'\]"),
    Attack("engine_socket", "print([p for p in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock') if os.path.exists(p)])", r"\[\]"),
]  # fmt: skip
