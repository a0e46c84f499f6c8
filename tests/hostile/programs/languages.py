"""The same doors from other languages, and what only a compiler can be made to do."""

from tests.hostile.attack import Attack

NODE = "const fs = require('fs'); const say = act => { try { console.log('GOT', act()); } catch (e) { console.log(e.code || e.name); } };\n"
C = "#define _GNU_SOURCE\n#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n#include <signal.h>\n#include <fcntl.h>\n#include <sys/mount.h>\n#include <sys/socket.h>\n#include <sys/syscall.h>\n"
UNCOMPILED = r"could not be compiled\.\n$"
SOON = {"time_s": 3.0}
ALL = [
    Attack("node_file", NODE + "say(() => fs.writeFileSync('/etc/vibe-hostile-marker', 'x'));", "EROFS|EACCES", language="node"),
    Attack("node_root", NODE + "say(() => process.setuid(0));", "EPERM", language="node"),
    Attack("node_runner", NODE + "say(() => fs.readFileSync('/proc/1/environ', 'utf8').length);", "EACCES", language="node"),
    Attack("node_network", "require('net').connect(443, '1.1.1.1').on('error', e => console.log(e.code));", "ENETUNREACH", language="node"),
    Attack("node_names", "require('dns').lookup('example.com', e => console.log(e.code));", "EAI_AGAIN|ENOTFOUND", language="node"),
    Attack("node_shell", "console.log(require('child_process').execSync('id -u').toString().trim());", "65532", language="node"),
    Attack("node_for_ever", "console.log('before'); while (true);", "before", "timeout", language="node", limits=SOON),
    Attack("node_flood", "const b = Buffer.alloc(65536, 'x'); while (true) require('fs').writeSync(1, b);", "x{1048576}", "output_limit", language="node"),
    Attack("node_memory", "console.log('before'); const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));", "before", "memory", language="node"),
    Attack("node_throws", "throw new Error('mine');", status=1, complains="Error: mine", language="node"),
    Attack("shell_write", "echo x > /usr/bin/vibe-hostile-marker && echo GOT", "", status=1, complains="Read-only file system|Permission denied", language="shell"),
    Attack("shell_runner", "cat /proc/1/environ && echo GOT", "", status=1, complains="Permission denied", language="shell"),
    Attack("shell_network", "(echo > /dev/tcp/1.1.1.1/53) 2>/dev/null && echo GOT || echo none", "none", language="shell"),
    Attack("shell_bomb", "echo before; b() { b | b & }; b; sleep 30", "before", "timeout", language="shell", limits=SOON, complains="", noted="refused"),
    Attack("shell_kill", "kill -9 1; kill -STOP 1; sleep 0.1; echo alive", "alive", language="shell"),
    Attack("shell_mount", "mount -t tmpfs none /box 2>/dev/null && echo GOT || echo none", "none", language="shell"),
    Attack("shell_root", "su -c id 2>/dev/null </dev/null && echo GOT || id -u", "65532", language="shell"),
    Attack("c_mount", C + 'int main(void) { puts(mount("none", "/box", "tmpfs", 0, 0) ? strerrorname_np(errno) : "GOT"); }', "EPERM", language="c"),
    Attack("c_vsock", C + 'int main(void) { puts(socket(40, SOCK_STREAM, 0) < 0 ? strerrorname_np(errno) : "GOT"); }', "EPERM", language="c"),
    Attack("c_root", C + 'int main(void) { puts(setuid(0) ? strerrorname_np(errno) : "GOT"); }', "EPERM", language="c"),
    Attack("c_stack", "int f(volatile int n) { volatile char a[4096]; a[0] = n; return f(n + 1) + a[0]; }\nint main(void) { return f(0); }", "", "signal", 11, language="c"),
    Attack("c_memory", C + 'int main(void) { puts("before"); fflush(stdout); for (;;) memset(malloc(1 << 20), 1, 1 << 20); }', "before", "memory", language="c"),
    Attack("c_old_system_calls", '#include <stdio.h>\nint main(void) {\n  long got = -1; puts("before"); fflush(stdout);\n#ifdef __x86_64__\n  __asm__ volatile("int $0x80" : "=a"(got) : "a"(20) : "memory");\n#else\n  __builtin_trap();\n#endif\n  printf("GOT %ld\\n", got); }', "before", "signal", 31, language="c"),
    Attack("c_secret_by_include", '#include "/etc/shadow"\nint main(void) {}', "", status=1, complains="Permission denied[^$]*" + UNCOMPILED, language="c"),
    Attack("c_includes_itself", '#include __FILE__\nint main(void) {}', "", status=1, complains="nested depth[^$]*" + UNCOMPILED, language="c"),
    Attack("c_program_that_is_too_large", "char a[200 << 20] = {1};\nint main(void) { return a[0]; }", "", status=4, complains=UNCOMPILED, language="c"),
    Attack("c_for_ever", "int main(void) { for (;;); }", "", "timeout", language="c", limits=SOON),
    Attack("cpp_template_without_end", "template <int n> struct A { static const int v = A<n + 1>::v; };\nint main() { return A<0>::v; }", "", status=1, complains=UNCOMPILED, language="cpp"),
    Attack("cpp_throws", "int main() { throw 1; }", "", "signal", 6, complains="terminate called", language="cpp"),
    Attack("rust_secret_at_compile_time", 'fn main() { println!("{}", include_str!("/proc/1/environ")); }', "", status=1, complains="Permission denied|couldn't read[^$]*" + UNCOMPILED, language="rust"),
    Attack("rust_environment_at_compile_time", 'fn main() { println!("{:?}", option_env!("OPENAI_API_KEY")); }', "None", language="rust"),
    Attack("rust_overflow", "fn main() { let v: Vec<i32> = Vec::new(); let n = std::env::args().count() + 5; println!(\"{}\", v[n]); }", "", status=101, complains="main.rs:1:", language="rust"),
    Attack("rust_network", 'fn main() { println!("{:?}", std::net::TcpStream::connect("1.1.1.1:443").map_err(|e| e.raw_os_error())); }', r"Err\(Some\(101\)\)", language="rust"),
]  # fmt: skip
