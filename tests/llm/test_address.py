"""A name is looked up once a call, judged, and called at just that address: it cannot lead elsewhere in between."""

import datetime
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.modelserver import ModelServer
from vibe.llm import client, connect
from vibe.llm.address import is_nobodys, plain
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Message, Model

NAME = "models.example"


@pytest.fixture
def names(monkeypatch):
    """{name: addresses, one lookup after the other; the last one stays}, for the whole machine."""
    leads, real, asked = {}, socket.getaddrinfo, []

    def look_up(host, port, *args, **more):
        host = host.decode() if isinstance(host, bytes) else host
        if host not in leads:
            return real(host, port, *args, **more)
        asked.append(host)
        address = leads[host].pop(0) if len(leads[host]) > 1 else leads[host][0]
        return [line for one in address.split() for line in real(one, port, *args, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    leads["asked"] = asked
    return leads


def ask(server, scheme="http"):
    port = server.url.split(":")[2].split("/")[0]
    return OpenAIClient(connect_s=2).ask(
        Call(Model("test-model", f"{scheme}://{NAME}:{port}/v1"), (Message("user", "hi"),))
    )


def test_the_address_that_was_judged_is_the_one_that_is_called_under_its_name(names):
    names[NAME] = ["127.0.0.1", "169.254.169.254"]  # what a second look-up would give
    with ModelServer() as server:
        assert ask(server).text == "ready"
        assert server.requests[0]["headers"]["host"].startswith(f"{NAME}:")
    assert names["asked"] == [NAME]


@pytest.mark.parametrize(
    "where",
    ["169.254.169.254", "100.100.100.200", "0.0.0.0", "127.0.0.1 169.254.169.254", "::ffff:169.254.169.254"],
)
def test_a_name_that_leads_to_nobodys_address_by_now_is_not_called(names, where):
    names[NAME] = [where]
    with ModelServer() as server:
        with pytest.raises(ModelFault) as fault:
            ask(server)
        assert fault.value.kind == "no_server"
        port = server.url.split(":")[2].split("/")[0]
        assert connect.listing(Model("", f"http://{NAME}:{port}/v1")) == []
        assert server.requests == []


def test_of_several_addresses_the_next_is_tried(names):
    names[NAME] = ["::1 127.0.0.2 127.0.0.1"]
    with ModelServer() as server:
        assert ask(server).text == "ready"
        port = server.url.split(":")[2].split("/")[0]
        assert connect.list_models(Model("", f"http://{NAME}:{port}/v1")) == ["test-model"]


def test_a_name_that_leads_nowhere_is_no_server(names):
    with pytest.raises(ModelFault) as fault:
        OpenAIClient().ask(Call(Model("m", "https://no-such-host.invalid/v1"), (Message("user", "hi"),)))
    assert fault.value.kind == "no_server"


def certified(folder, name):
    """A certificate of its own for `name`: (context of a server, path for those who trust it)."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    trusted = folder / "trusted.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, trusted


@pytest.mark.parametrize(("written_for", "answers"), [(NAME, True), ("other.example", False)])
def test_the_certificate_must_be_the_names_not_the_addresss(names, tmp_path, monkeypatch, written_for, answers):
    names[NAME] = ["127.0.0.1"]
    context, trusted = certified(tmp_path, written_for)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setattr(client, "_trusted", client._trusted.__wrapped__)  # read for each call, as at a start
    with ModelServer() as server:
        inner = server._server
        inner.socket = context.wrap_socket(inner.socket, server_side=True, do_handshake_on_connect=False)
        if answers:
            assert ask(server, "https").text == "ready"
        else:
            with pytest.raises(ModelFault):
                ask(server, "https")
            assert server.requests == []


def test_an_address_of_ipv4_in_other_clothes_is_judged_as_itself():
    assert is_nobodys(plain("::ffff:169.254.169.254"))
    assert not is_nobodys(ipaddress.ip_address("::1"))
