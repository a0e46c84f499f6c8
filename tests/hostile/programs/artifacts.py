"""What lies in out/ when it ends: never followed, few, small, with harmless names."""

from tests.hostile.attack import Attack

LEFT_OUT = "left out"
ALL = [
    Attack("link_to_the_system", "os.symlink('/etc/passwd', 'out/a.txt'); print('done')", "done", noted=LEFT_OUT),
    Attack("link_to_the_runner", "os.symlink('/proc/1/environ', 'out/a.txt'); print('done')", "done", noted=LEFT_OUT),
    Attack("link_to_a_descriptor", "os.symlink('/proc/self/fd/0', 'out/a.txt'); print('done')", "done", noted=LEFT_OUT),
    Attack("link_to_a_folder", "os.symlink('/etc', 'out/etc'); print('done')", "done", noted=LEFT_OUT),
    Attack("two_names_of_one_file", "write('a'); os.link('a', 'out/a.txt'); print('done')", "done", noted=LEFT_OUT),
    Attack("pipe", "attempt(lambda: os.mkfifo('out/a.txt'))", "EPERM"),
    Attack("socket", "socket.socket(1, 1).bind('out/a.txt'); print('done')", "done", noted=LEFT_OUT),
    Attack("too_large", "open('out/a.bin', 'wb').write(bytes(17 << 20)); write('out/b.txt'); print('done')", "done", files=("b.txt",), noted=LEFT_OUT),
    Attack("too_large_together", "for n in range(6): open(f'out/{n}.bin', 'wb').write(bytes(3 << 20))\nprint('done')", "done", files=None, noted=LEFT_OUT),
    Attack("too_many", "for n in range(3000): write(f'out/{n}.txt')\nprint('done')", "done", files=None, noted=LEFT_OUT),
    Attack("too_deep", "d = 'out'\nfor n in range(20): d += '/d'; os.mkdir(d)\nwrite(d + '/a.txt'); write('out/b.txt'); print('done')", "done", files=("b.txt",), noted=LEFT_OUT),
    Attack("shut_file", "write('out/a.txt'); os.chmod('out/a.txt', 0); print('done')", "done", noted=LEFT_OUT),
    Attack("shut_folder", "os.mkdir('out/d'); write('out/d/a.txt'); os.chmod('out/d', 0); print('done')", "done", noted=LEFT_OUT),
    Attack("up_and_out", "write('out/..a..txt'); write('out/..\\\\..\\\\win.txt'); print('done')", "done", files=("a..txt", "win.txt")),
    Attack("a_name_that_is_an_option", "write('out/-rf'); print('done')", "done", files=("rf",)),
    Attack("a_name_that_is_markup", "write('out/<img src=x onerror=alert(1)>.txt'); print('done')", "done", files=("_img src_x onerror_alert(1)_.txt",)),
    Attack("a_name_that_moves_the_cursor", "write('out/\\x1b[2J\\n.txt'); print('done')", "done", files=("__2J_.txt",)),
    Attack("a_name_that_reads_backwards", "write('out/a\\u202etxt.exe'); print('done')", "done", files=("a_txt.exe",)),
    Attack("a_name_that_is_no_text", "write(b'out/a\\xff\\xfe.txt'); print('done')", "done", files=("a__.txt",)),
    Attack("a_very_long_name", "write('out/' + 'a' * 255); print('done')", "done", files=("a" * 100,)),
    Attack("a_hidden_name", "write('out/.bashrc'); print('done')", "done", files=("bashrc",)),
    Attack("names_that_differ_by_folder", "os.mkdir('out/d'); write('out/a.txt'); write('out/d/a.txt'); print('done')", "done", files=("a (2).txt", "a.txt")),
    Attack("only_a_hole", "os.truncate(os.open('out/a.bin', os.O_CREAT | os.O_RDWR), 60 << 20); write('out/b.txt'); print('done')", "done", files=("b.txt",), noted=LEFT_OUT),
    Attack("swapped_all_the_time", "write('real')\nif os.fork(): time.sleep(0.2); print('done', flush=True); os._exit(0)\nwhile True:\n  for make in (lambda: os.symlink('/etc/passwd', 'out/t'), lambda: write('out/t', 'mine')):\n    try: make(); os.rename('out/t', 'out/a.txt')\n    except OSError: pass", "done", files=None, holds=(b"mine", b"")),
    Attack("packed_many_times", "import zipfile\nwith zipfile.ZipFile('out/a.zip', 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('a', bytes(100 << 20))\nprint('done')", "done", files=("a.zip",)),
    Attack("a_device", "attempt(lambda: os.mknod('out/a', 0o20666, os.makedev(1, 3)))", "EPERM"),
]  # fmt: skip
