"""The pure Python parser of PyYAML, changed to read the same texts as libyaml, for builds without libyaml."""

from __future__ import annotations

from typing import Any, Final

from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken

_BLANK: Final = "\0 \t\r\n"


class PureParser(Reader, Scanner, Parser):
    """Reads every text that both parsers accept as libyaml does. A few odd texts, such as `|#`, only one accepts."""

    def __init__(self, stream: bytes) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Tabs separate tokens where they cannot be taken for indentation."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def scan_flow_scalar(self, style: Any) -> ScalarToken:
        """`\\ud800` and `\\U00110000` are no characters."""
        mark = self.get_mark()
        try:
            token: ScalarToken = super().scan_flow_scalar(style)
            token.value.encode()
        except (ValueError, OverflowError) as error:
            raise ScannerError(None, None, "found invalid Unicode character escape code", mark) from error
        return token

    def scan_plain(self) -> ScalarToken:
        """Question marks are text, also in brackets; a colon right before a bracket belongs to nothing."""
        start = end = self.get_mark()
        indent = self.indent + 1
        chunks: list[str] = []
        spaces: list[str] | None = []
        while spaces is not None and self.peek() != "#" and (self.flow_level or self.column >= indent or not chunks):
            length = 0
            while not self._ends_plain(length):
                length += 1
            if not length:
                break
            self.allow_simple_key = False
            chunks += [*spaces, self.prefix(length)]
            self.forward(length)
            end = self.get_mark()
            spaces = self.scan_plain_spaces(indent, start)
            if not spaces:
                break
        return ScalarToken("".join(chunks), True, start, end)

    def _ends_plain(self, at: int) -> bool:
        character = self.peek(at)
        if character != ":":
            return character in _BLANK or (self.flow_level > 0 and character in ",[]{}")
        after = self.peek(at + 1)
        if self.flow_level and after in ",?[]{}":
            self.forward(at)
            raise ScannerError(None, None, "found unexpected ':'", self.get_mark())
        return after in _BLANK

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str] | None:
        """Blanks between the words of a plain scalar: tabs count, None is the end of the document."""
        blanks = self._skip_blanks(0)
        if self.peek() not in "\r\n":
            return [blanks] if blanks else []
        self._skip_break()
        self.allow_simple_key = True
        breaks: list[str] = []
        while True:
            if self.prefix(3) in ("---", "...") and self.peek(3) in _BLANK:
                return None
            self._skip_blanks(indent)
            if self.peek() not in "\r\n":
                return breaks or [" "]
            breaks.append(self._skip_break())

    def _skip_break(self) -> str:
        line_break: str = self.scan_line_break()  # type: ignore[no-untyped-call]  # the stubs leave it out
        return line_break

    def _skip_blanks(self, indent: int) -> str:
        blanks = ""
        while self.peek() in " \t":
            if self.peek() == "\t" and self.column < indent:
                raise ScannerError(None, None, "found a tab character that violates indentation", self.get_mark())
            blanks += self.peek()
            self.forward()
        return blanks
