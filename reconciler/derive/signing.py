"""Sign the derived files that are to have a C2PA manifest: a core.ports.Deriver around another one."""

from __future__ import annotations

import posixpath

from reconciler.core.derived.work import DerivedResult, DeriveFailure, FilesWork, MadeFile, MadeFiles, WantedFile, Work
from reconciler.core.digest import content_hash
from reconciler.core.ports import Deriver
from reconciler.core.provenance.derived_mark import is_signed
from reconciler.core.value import replace
from reconciler.imaging.credential_signer import CredentialSigner, NotSignedError


class SigningDeriver:
    """Derives with `inner`, then signs. A file that cannot be signed fails its unit: none is shipped without."""

    def __init__(self, inner: Deriver, signer: CredentialSigner) -> None:
        self._inner = inner
        self._signer = signer

    def derive(self, work: Work) -> DerivedResult:
        """See core.ports.Deriver."""
        result = self._inner.derive(work)
        if isinstance(result, DeriveFailure) or not isinstance(work, FilesWork):
            return result
        wanted = {each.output: each for each in work.files}
        try:
            files = tuple(self._signed(work, wanted[made.output], made) for made in result.files)
        except NotSignedError as error:
            hint = "check provenance.certificate in reconciler.yaml, and the key"
            return DeriveFailure(f"it cannot be signed: {error}", hint)
        return MadeFiles(files, result.notes)

    def encoder(self, format_: str) -> str:
        """See core.ports.Deriver."""
        return self._inner.encoder(format_)

    def close(self) -> None:
        """See core.ports.Deriver."""
        self._inner.close()
        self._signer.close()

    def _signed(self, work: FilesWork, wanted: WantedFile, made: MadeFile) -> MadeFile:
        if not is_signed(wanted.encoding.mark):
            return made
        data = self._signer.signed(
            made.path,
            wanted.encoding.format,
            title=posixpath.basename(made.output),
            parent=work.master.path,
            parent_title=str(work.master.asset),
        )
        with made.path.open("wb") as stream:
            stream.write(data)
        return replace(made, content=content_hash(data), size=len(data))
