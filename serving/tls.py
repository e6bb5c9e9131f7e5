"""The server's side of TLS: version 1.2 or newer, forward secrecy, authenticated encryption (TISC-6.1.3-f)."""

import ssl
from typing import TYPE_CHECKING

import uvicorn

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from .settings import TlsSettings

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!SHA1"
"""For TLS 1.2; the suites of 1.3 are all of this kind."""


def server_context(tls: "TlsSettings") -> ssl.SSLContext | None:
    """None without a certificate. Raises ConfigurationError for one that cannot be used."""
    if tls.cert_file is None or tls.key_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    try:
        # a key with a password would have the terminal asked for it
        context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "证书或私钥不能使用", where="SHUZHI_TLS__CERT_FILE", cure="检查两个文件是否成对、是否为 PEM 格式、能否读取"
        ) from error
    return context


def secure(config: uvicorn.Config, tls: "TlsSettings") -> None:
    """Let the server speak TLS where there is a certificate. Raises ConfigurationError."""
    context = server_context(tls)
    if context is not None:
        config.load()
        # our own context: uvicorn's cannot say which version is the oldest
        config.ssl = context


def own_certificate(cert_file: str) -> ssl.SSLContext:
    """For a command that talks to the instance on this machine: this very certificate is trusted, whatever names are in it.

    Raises ConfigurationError when it cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cert_file)
    except OSError as error:
        raise ConfigurationError("读不了正在运行的实例的证书", where=cert_file, cure="检查文件是否还在、能否读取") from error
    return context
