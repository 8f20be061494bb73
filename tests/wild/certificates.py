"""A certificate authority of the tests' own, which no machine trusts, and its certificate for localhost."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Certificates:
    """`chain`: a file with the key and the certificates of localhost; `authority`: the one to trust."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.chain, self.authority = folder / "chain.pem", folder / "authority.pem"
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
            self.chain
        )
        authority.cert_pem.write_to_path(self.authority)

    @property
    def trusting(self) -> ssl.SSLContext:
        """A client's context; one for each, since clients write into it which HTTP they speak."""
        return ssl.create_default_context(cafile=self.authority)
