"""Who sends the invoices. A copy is frozen into every document: a move changes no old one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seller:
    """The business that runs this application. ``email`` is also where its mails come from."""

    name: str
    address: str
    tax_id: str
    email: str

    @property
    def mail_domain(self) -> str:
        return self.email.rpartition("@")[2]


# A made-up company; `.example` is reserved (RFC 2606), so no mail can ever reach a stranger.
SELLER = Seller(
    name="Harbour & Pine Studio",
    address="14 Quay Street\nBristol BS1 4DJ\nUnited Kingdom",
    tax_id="GB 000 0000 00",
    email="billing@harbourandpine.example",
)
