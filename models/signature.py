"""A signature beside a bundle's manifest: who holds the key has approved what the manifest lists.

Hashes tell a damaged bundle from a whole one, but anybody who may write the folder may write other
hashes. The signature is an HMAC-SHA256 of the manifest, so it covers every file that the manifest
lists, and only those who hold the key can make it.

References
----------
RFC 2104, HMAC: Keyed-Hashing for Message Authentication, https://doi.org/10.17487/RFC2104.
"""

import hashlib
import hmac
from pathlib import Path

from models.bundle import read_bundle_files
from models.folder import OpenFolder, write_durably

SIGNATURE = "manifest.hmac"
"""Name of the file that holds the signature, 64 hexadecimal digits."""


def signature_of(manifest: bytes, key: str) -> str:
    """Signature of a manifest's content.

    Examples
    --------
    >>> signature_of(b"manifest", "a key of many letters")[:16]
    '020caa562c42e182'
    """
    return hmac.new(key.encode(), manifest, hashlib.sha256).hexdigest()


def sign_bundle(folder: Path, key: str) -> None:
    """Write the signature of a whole bundle into its folder.

    Raises
    ------
    FileNotFoundError, ValueError
        The bundle is not whole.
    """
    write_durably(
        folder / SIGNATURE, signature_of(read_bundle_files(folder).manifest, key).encode()
    )


def require_signature(folder: Path, manifest: bytes, key: str) -> None:
    """Require that a bundle's manifest was signed with a key.

    Raises
    ------
    ValueError
        There is no signature, or another one.
    """
    way_out = "Sign it with `lead-temperature sign` where the bundle was approved."
    try:
        with OpenFolder(folder) as opened:
            signature = opened.read(SIGNATURE)
    except FileNotFoundError:
        raise ValueError(f"{folder} has no signature, {SIGNATURE}. {way_out}") from None
    if not hmac.compare_digest(signature.strip(), signature_of(manifest, key).encode()):
        raise ValueError(f"{folder / SIGNATURE} was made with another key. {way_out}")
