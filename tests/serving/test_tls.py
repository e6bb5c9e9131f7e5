"""A real server under TLS, with a certificate made here."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI

from domain.errors import ConfigurationError
from serving.doors import RequestGate
from serving.instance import announce, running
from serving.settings import TlsSettings, load_settings
from serving.tls import own_certificate, secure, server_context


def make_certificate(folder: Path) -> TlsSettings:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zhushou.test")])
    at = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(at - timedelta(days=1))
    builder = builder.not_valid_after(at + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    tls = TlsSettings(cert_file=folder / "cert.pem", key_file=folder / "key.pem")
    assert tls.cert_file is not None
    assert tls.key_file is not None
    tls.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    tls.key_file.write_bytes(key.private_bytes(*form))
    return tls


@asynccontextmanager
async def served(tls: TlsSettings) -> AsyncGenerator[int]:
    app = FastAPI()
    app.add_api_route("/healthz", lambda: {"status": "ok"})
    app.add_middleware(RequestGate, largest_body=1000, hosts=frozenset({"127.0.0.1"}))
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=1)
    secure(config, tls)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving
    listener.close()


def shaken(port: int, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, ciphers: str = "") -> tuple[str, str]:
    """(version, cipher) that a client with these limits gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = oldest, newest
    if ciphers:
        context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, context.wrap_socket(plain) as connection:
        cipher = connection.cipher()
        return connection.version() or "", cipher[0] if cipher else ""


async def test_only_new_versions_and_strong_ciphers(tmp_path: Path) -> None:
    old, two, three = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    async with served(make_certificate(tmp_path)) as port:
        assert (await asyncio.to_thread(shaken, port, two, three))[0] == "TLSv1.3"
        version, cipher = await asyncio.to_thread(shaken, port, two, two)
        assert version == "TLSv1.2"
        assert cipher.startswith("ECDHE-")
        assert "GCM" in cipher or "CHACHA20" in cipher
        for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.to_thread(shaken, port, two, two, f"{weak}:@SECLEVEL=0")
    context = server_context(make_certificate(tmp_path))
    assert context is not None
    assert context.minimum_version > old


async def test_browsers_are_told_to_come_back_under_tls(tmp_path: Path) -> None:
    tls = make_certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(tls.cert_file))
    async with served(tls) as port, httpx.AsyncClient(verify=trusted, trust_env=False) as client:
        answer = await client.get(f"https://127.0.0.1:{port}/healthz")
        assert answer.json() == {"status": "ok"}
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert "server" not in answer.headers


async def test_commands_trust_this_very_certificate_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    tls, other = make_certificate(tmp_path / "a"), make_certificate(tmp_path / "b")
    async with served(tls) as port:
        announce(tmp_path, f"https://127.0.0.1:{port}", tls.cert_file)
        found = await asyncio.to_thread(running, tmp_path)
        assert found is not None
        announce(tmp_path, f"https://127.0.0.1:{port}", other.cert_file)
        assert await asyncio.to_thread(running, tmp_path) is None
    with pytest.raises(ConfigurationError):
        own_certificate(str(tmp_path / "none.pem"))


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    tls = make_certificate(tmp_path)
    assert server_context(TlsSettings()) is None
    assert tls.key_file is not None
    tls.key_file.write_text("no key", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="证书"):
        server_context(tls)
    with pytest.raises(ConfigurationError, match="没有这个文件"):
        load_settings(tls=TlsSettings(cert_file=tmp_path / "cert.pem", key_file=tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match="一起设置"):
        load_settings(tls=TlsSettings(cert_file=tmp_path / "cert.pem"))
