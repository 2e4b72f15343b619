from requests import Session

from ..uvideo.handler import Signer

class BaseUFile(Signer):
    def __init__(self, public_key: str, private_key: str, session: Session | None = None) -> None: ...
