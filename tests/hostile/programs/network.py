"""Out by the network: there is none. Every program here runs where no packet can leave; vsock is opened, never connected."""

from tests.hostile.attack import Attack


def family(name: str, number: int, kind: int = 2) -> Attack:
    return Attack(name, f"attempt(lambda: socket.socket({number}, {kind}).close())", "EPERM")


TCP = "attempt(lambda: socket.create_connection(({0!r}, {1}), 1))"
ALL = [
    Attack("tcp", TCP.format("1.1.1.1", 443), "ENETUNREACH"),
    Attack("tcp6", TCP.format("2606:4700:4700::1111", 443), "ENETUNREACH|EADDRNOTAVAIL"),
    Attack("metadata", TCP.format("169.254.169.254", 80), "ENETUNREACH"),
    Attack("metadata6", TCP.format("fd00:ec2::254", 80), "ENETUNREACH|EADDRNOTAVAIL"),
    Attack("gateway_of_the_engine", TCP.format("172.17.0.1", 2375), "ENETUNREACH"),
    Attack("neighbour_at_home", TCP.format("192.168.1.1", 80), "ENETUNREACH"),
    Attack("this_machine_as_it_names_itself", TCP.format("host.docker.internal", 80), "gaierror.*|EAI.*|-?\\d+"),
    Attack("udp", "attempt(lambda: socket.socket(2, 2).sendto(b'x', ('8.8.8.8', 53)))", "ENETUNREACH"),
    Attack("broadcast", "s = socket.socket(2, 2); s.setsockopt(1, 6, 1)\nattempt(lambda: s.sendto(b'x', ('255.255.255.255', 9)))", "ENETUNREACH"),
    Attack("multicast", "attempt(lambda: socket.socket(2, 2).sendto(b'x', ('224.0.0.251', 5353)))", "ENETUNREACH"),
    Attack("multicast6", "attempt(lambda: socket.socket(10, 2).sendto(b'x', ('ff02::1', 9, 0, 0)))", "ENETUNREACH|EADDRNOTAVAIL|ENODEV"),
    Attack("names", "attempt(lambda: socket.getaddrinfo('example.com', 80))", "gaierror.*|EAI.*|-?\\d+"),
    Attack("icmp_raw", "attempt(lambda: socket.socket(2, 3, 1).close())", "EPERM"),
    Attack("icmp_ping", "attempt(lambda: socket.socket(2, 2, 1).sendto(struct.pack('>BBHHH', 8, 0, 0, 1, 1), ('1.1.1.1', 0)))", "EACCES|EPERM|ENETUNREACH"),
    Attack("raw6", "attempt(lambda: socket.socket(10, 3, 58).close())", "EPERM"),
    family("packet", 17, 3),
    family("netlink", 16, 3),
    family("vsock", 40, 1),
    family("crypto", 38, 5),
    family("bluetooth", 31, 3),
    family("can", 29, 3),
    family("tipc", 30, 5),
    family("xdp", 44, 3),
    family("rds", 21, 5),
    family("kcm", 41, 2),
    family("smc", 43, 1),
    family("qipcrtr", 42, 2),
    family("x25", 9, 5),
    Attack("itself_is_allowed", "s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname()); s.accept()[0].send(b'hello'); print(c.recv(9))", "b'hello'"),
    Attack("interfaces", "print(os.listdir('/sys/class/net'), open('/proc/net/route').read().count('\\n'), len([l for l in open('/proc/net/dev') if ':' in l]))", r"\['lo'\] 1 1"),
    Attack("raise_an_interface", "import fcntl\nattempt(lambda: fcntl.ioctl(socket.socket(2, 2), 0x8914, struct.pack('16sH14x', b'lo', 0)))", "EPERM"),
    Attack("forward_packets", "attempt(lambda: write('/proc/sys/net/ipv4/ip_forward', '1'))", "EROFS|EACCES"),
    Attack("marked_packets", "attempt(lambda: socket.socket(2, 2).setsockopt(1, 36, 7))", "EPERM"),
    Attack("abstract_sockets_of_others", "print([l for l in open('/proc/net/unix') if '@' in l])", r"\[\]"),
    Attack("abstract_socket_of_a_screen", "attempt(lambda: socket.socket(1, 1).connect('\\0/tmp/.X11-unix/X0'))", "ECONNREFUSED"),
    Attack("a_descriptor_by_socket", "a, b = socket.socketpair()\nattempt(lambda: socket.send_fds(a, [b'x'], [os.open('/proc/1/cwd', os.O_PATH)]))", "EACCES"),
]  # fmt: skip
