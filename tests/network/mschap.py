"""MS-CHAPv2 as a router asks for it (RFC 2759), with openssl's MD4 and DES: no code of ours decides what is right."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess

from pyrad.client import Client, Timeout
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessRequest

_ATTRIBUTES = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Vendor-Specific 26 octets
ATTRIBUTE Framed-Pool 88 string
ATTRIBUTE Message-Authenticator 80 octets
VENDOR Microsoft 311
BEGIN-VENDOR Microsoft
ATTRIBUTE MS-CHAP-Challenge 11 octets
ATTRIBUTE MS-CHAP2-Response 25 octets
ATTRIBUTE MS-CHAP2-Success 26 octets
END-VENDOR Microsoft
"""


def login(port: int, secret: str, username: str, password: str) -> bool:
    """Whether the server lets the user in *and* proves that it knows the password too."""
    client = Client("127.0.0.1", authport=port, secret=secret.encode(), dict=Dictionary(io.StringIO(_ATTRIBUTES)))
    client.timeout, client.retries = 3, 3
    ours, theirs = os.urandom(16), os.urandom(16)
    answer = _response(ours, theirs, username, password)
    request = client.CreateAuthPacket(code=AccessRequest)
    request["User-Name"] = username
    request["MS-CHAP-Challenge"] = theirs
    request["MS-CHAP2-Response"] = b"\x01\x00" + ours + bytes(8) + answer
    request.add_message_authenticator()
    try:
        reply = client.SendPacket(request)
    except Timeout:
        return False
    if reply.code != AccessAccept:
        return False
    proof = reply["MS-CHAP2-Success"][0]
    return bool(proof[1:43] == _server_proof(ours, theirs, username, password, answer).encode())


def _openssl(*arguments: str, data: bytes) -> bytes:
    legacy = ["-provider", "legacy", "-provider", "default"]
    return subprocess.run(["openssl", *arguments, *legacy], input=data, capture_output=True, check=True).stdout


def _md4(data: bytes) -> bytes:
    return _openssl("dgst", "-md4", "-binary", data=data)


def _des(block: bytes, key7: bytes) -> bytes:
    bits = int.from_bytes(key7, "big")
    key = bytes(((bits >> (49 - 7 * n)) & 0x7F) << 1 for n in range(8))
    return _openssl("enc", "-des-ecb", "-K", key.hex(), "-nosalt", "-nopad", data=block)


def _challenge(ours: bytes, theirs: bytes, username: str) -> bytes:
    return hashlib.sha1(ours + theirs + username.encode()).digest()[:8]


def _response(ours: bytes, theirs: bytes, username: str, password: str) -> bytes:
    padded = _md4(password.encode("utf-16-le")) + bytes(5)
    block = _challenge(ours, theirs, username)
    return b"".join(_des(block, padded[start : start + 7]) for start in (0, 7, 14))


def _server_proof(ours: bytes, theirs: bytes, username: str, password: str, answer: bytes) -> str:
    hashed = _md4(_md4(password.encode("utf-16-le")))
    digest = hashlib.sha1(hashed + answer + b"Magic server to client signing constant").digest()
    magic = b"Pad to make it do more than one iteration"
    proof = hashlib.sha1(digest + _challenge(ours, theirs, username) + magic).hexdigest()
    return f"S={proof.upper()}"
