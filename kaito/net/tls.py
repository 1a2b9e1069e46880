"""TLS settings → an `ssl.SSLContext` that accepts and refuses the same certificates as kubectl.

The references are client-go's transport.TLSConfigFor and Go's crypto/tls. OpenSSL's defaults differ between Python
versions; where they refuse what kubectl accepts, they are turned off.
"""

from __future__ import annotations

import io
import os
import ssl

from kaito.errors import os_reason
from kaito.net.errors import ClientCertificateSettingError, TlsSettingError
from kaito.values import NamedTuple


class Certificate(NamedTuple):
    """A client certificate and its key, in PEM; for both, data wins over a file.

    `written`: the times in nanoseconds at which the files were written, so that replaced files compare as unequal.
    `data_name`, `key_data_name`: what an error calls the data.
    """

    file: str = ""
    key_file: str = ""
    data: bytes = b""
    key_data: bytes = b""
    written: tuple[int, ...] = ()
    data_name: str = "client-certificate-data"
    key_data_name: str = "client-key-data"


class Trust(NamedTuple):
    """Which servers to trust: those certified by an authority in PEM (data wins over the file), or by the system's.

    `server_name`: the name that the certificate must carry, "" for the URL's host.
    """

    ca_file: str = ""
    ca_data: bytes = b""
    insecure: bool = False
    server_name: str = ""


# Where Go looks for the system's authorities (crypto/x509/root_*.go). Used by a Python that was built elsewhere, whose
# OpenSSL looks in a folder that does not exist here.
SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_X509_PARTIAL_CHAIN = 0x80000  # ssl.VERIFY_X509_PARTIAL_CHAIN, which Python 3.9 does not define
_IGNORE_UNEXPECTED_EOF = 0x80  # ssl.OP_IGNORE_UNEXPECTED_EOF, likewise

# What Go's clients offer below TLS 1.3 (crypto/tls), and the keys that they accept: RSA of 1,024 bits or more.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!PSK:@SECLEVEL=1"

# Windows cannot open a file by its descriptor, nor remove a file that is open.
NAMELESS_FILES = os.name != "nt"

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def context(trust: Trust, certificate: Certificate | None) -> ssl.SSLContext:
    """Make the context for connections to a server under `trust`; present `certificate` if the server asks for one.

    Raises TlsSettingError. The caller passes `trust.server_name` or the host as `server_hostname`.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2  # as Go's clients
    try:
        made.set_ciphers(_CIPHERS)
    except ssl.SSLError:  # LibreSSL, which macOS's own Python has, may not know security levels
        pass
    made.set_alpn_protocols(["http/1.1"])
    # Go trusts every certificate in the pool, even a leaf, and requires no key usages or identifiers of an authority.
    made.verify_flags = (made.verify_flags & ~ssl.VERIFY_X509_STRICT) | _X509_PARTIAL_CHAIN
    made.hostname_checks_common_name = False
    # Python's default treats a truncated connection as a closed one, which would hide that an answer is cut off.
    made.options &= ~_IGNORE_UNEXPECTED_EOF
    _set_trust(made, trust)
    if certificate is not None:
        try:
            _set_certificate(made, certificate)
        except TlsSettingError as error:
            raise ClientCertificateSettingError(error.message) from None
    return made


def check_certificate(certificate: Certificate) -> None:
    """Refuse a certificate that cannot be presented to a server. Raises TlsSettingError."""
    _set_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate)


def _set_trust(made: ssl.SSLContext, trust: Trust) -> None:
    if trust.insecure:
        if trust.ca_file or trust.ca_data:
            raise TlsSettingError("insecure-skip-tls-verify cannot be used together with a certificate authority")
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif trust.ca_data:
        _add_authorities(made, trust.ca_data, "certificate-authority-data")
    elif trust.ca_file:
        _add_authorities(made, _read(trust.ca_file, "certificate authority"), trust.ca_file)
    else:
        _add_system_roots(made)


def _add_authorities(made: ssl.SSLContext, pem: bytes, name: str) -> None:
    """Trust each certificate in `pem` that can be read, and skip the others, as Go's AppendCertsFromPEM does."""
    added = 0
    for block in pem.split(_BEGIN)[1:]:
        try:
            made.load_verify_locations(cadata=(_BEGIN + block.partition(_END)[0] + _END).decode("ascii"))
            added += 1
        except (ssl.SSLError, ValueError):
            continue
    if not added:
        raise TlsSettingError(f"{name} holds no PEM certificate that can be read")


def _add_system_roots(made: ssl.SSLContext) -> None:
    made.load_default_certs()
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and _has_entries(paths.capath)):
        return
    for path in SYSTEM_ROOTS:
        try:
            made.load_verify_locations(cafile=path)
            return
        except OSError:  # includes ssl.SSLError
            continue


def _has_entries(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False


def _set_certificate(made: ssl.SSLContext, certificate: Certificate) -> None:
    if not (certificate.file or certificate.data):
        raise TlsSettingError("there is a client key but no client certificate")
    if not (certificate.key_file or certificate.key_data):
        raise TlsSettingError("there is a client certificate but no client key")
    chain = certificate.data or _read(certificate.file, "client certificate")
    key = certificate.key_data or _read(certificate.key_file, "client key")
    chain_name = certificate.data_name if certificate.data else certificate.file
    key_name = certificate.key_data_name if certificate.key_data else certificate.key_file
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise TlsSettingError(f"{chain_name} holds no PEM certificate")
    if b"PRIVATE KEY-----" not in key:
        raise TlsSettingError(f"{key_name} holds no PEM private key")

    def refuse_password() -> bytes:
        # Called for an encrypted key only; OpenSSL would otherwise ask on the terminal.
        raise TlsSettingError(f"{key_name} is encrypted; kubectl cannot use it either: write it without a password")

    try:
        if certificate.data or certificate.key_data:
            load = _load_from_memory if NAMELESS_FILES else _load_from_disk
            load(made, chain, key, refuse_password)
        else:
            made.load_cert_chain(certificate.file, certificate.key_file, refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsSettingError(f"{key_name} is not the key of the certificate in {chain_name}") from None
        why = (error.reason or "not understood").replace("_", " ").lower()
        raise TlsSettingError(
            f"the client certificate {chain_name} or its key {key_name} cannot be used: {why}"
        ) from None
    except OSError as error:
        raise TlsSettingError(
            f"the client certificate {chain_name} cannot be handed to OpenSSL: {os_reason(error)}"
        ) from None


def _load_from_memory(made: ssl.SSLContext, chain: bytes, key: bytes, password: object) -> None:
    """Load key material that is in memory, through a file without a name: Python's ssl reads files only.

    On Linux the file is memory; elsewhere it is unlinked before its first byte is written, so that nothing remains
    however the program ends.
    """
    with _nameless_file() as chain_file, _nameless_file() as key_file:
        for file, data in ((chain_file, chain), (key_file, key)):
            file.write(data)
            file.seek(0)
        directory = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
        made.load_cert_chain(
            f"{directory}/{chain_file.fileno()}",
            f"{directory}/{key_file.fileno()}",
            password,  # type: ignore[arg-type]
        )


def _load_from_disk(made: ssl.SSLContext, chain: bytes, key: bytes, password: object) -> None:
    """Load key material that is in memory through two private files, which are removed before this returns.

    For systems on which an open file cannot lose its name.
    """
    import tempfile

    paths: list[str] = []
    try:
        for data in (chain, key):
            descriptor, path = tempfile.mkstemp()
            paths.append(path)
            with io.FileIO(descriptor, "w") as file:
                file.write(data)
        made.load_cert_chain(paths[0], paths[1], password)  # type: ignore[arg-type]
    finally:
        for path in paths:
            os.unlink(path)


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TlsSettingError(f"cannot read the {what} {path}: {os_reason(error)}") from None


def _nameless_file() -> io.FileIO:
    if hasattr(os, "memfd_create"):
        try:
            return io.FileIO(os.memfd_create("kaito"), "r+")
        except OSError:  # sandboxes such as gVisor may lack it
            pass
    import tempfile

    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return io.FileIO(descriptor, "r+")
