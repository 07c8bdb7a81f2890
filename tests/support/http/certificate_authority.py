"""A certificate authority that only the tests trust; the openssl command makes it."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """A folder with the authority's certificate and that of one server."""

    folder: Path

    @property
    def trust(self) -> ssl.SSLContext:
        """A client that trusts this authority and no other."""
        return ssl.create_default_context(cafile=self.folder / "ca.pem")

    @property
    def server(self) -> ssl.SSLContext:
        """A server with the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        return context


def make_authority(folder: Path, *names: str) -> Authority:
    """Make an authority and a server's certificate for `names`, as `DNS:...` or `IP:...`."""
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    for command in (
        f"{new} -keyout ca.key -out ca.pem -subj /CN=authority"
        " -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
        f"{new} -keyout server.key -out server.pem -subj /CN=server -CA ca.pem -CAkey ca.key"
        f" -addext subjectAltName={','.join(names)}",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return Authority(folder)
