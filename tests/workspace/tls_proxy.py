"""A proxy that plays every host of the internet: HTTPS to any name ends at one handler, with a certificate of its own."""

import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@contextmanager
def playing(handler: type[BaseHTTPRequestHandler], hosts: list[str], folder: Path) -> Iterator[dict[str, str]]:
    """Yield the variables with which clients reach `handler` in place of `hosts`, through a proxy, and trust it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(hosts, folder))

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if self.path.rpartition(":")[0] not in hosts:
                self.send_error(403)
                return
            self.send_response(200)
            self.end_headers()
            try:
                with context.wrap_socket(self.connection, server_side=True) as secured:
                    handler(secured, self.client_address, self.server)  # type: ignore[arg-type]
            except OSError:
                pass  # the client is gone
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    file = str(folder / "tls.pem")
    try:
        yield {
            "HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}",
            "SSL_CERT_FILE": file,
            "REQUESTS_CA_BUNDLE": file,
            "NO_PROXY": "",
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certificate(hosts: list[str], folder: Path) -> Path:
    """Write a key and a certificate for these hosts, which is its own authority, into `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "everybody")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path
