"""Which small faults a module can have: each is one edit of its text."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

CONTEXT = 100
"""As much of the text around an edit is shown, in characters."""

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"),
    ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.BitOr: (r"\|", "&"),
    ast.BitAnd: ("&", "|"),
}
OPPOSITES = {"any": "all", "all": "any", "min": "max", "max": "min"}
NEGATED_BY_OPERATOR = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


@dataclass(frozen=True, slots=True)
class Mutant:
    """In `file`, the bytes from `start` to `end` become `text`; `before` and `after` show that with some context."""

    file: str
    line: int
    function: str
    before: str
    after: str
    start: int
    end: int
    text: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The same as long as neither the function's name nor the changed text is another. The second of two alike in
        one function has `#2` after the function's name."""
        return (self.file, self.function, self.before, self.after)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.before}  ->  {self.after}"

    def applied(self, source: str) -> str:
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its text."""
    alike: Counter[tuple[str, ...]] = Counter()
    for mutant in _Module(file, source).visit(ast.parse(source), (), ()):
        alike[mutant.key] += 1
        number = alike[mutant.key]
        yield mutant if number == 1 else replace(mutant, function=f"{mutant.function} #{number}")


def is_sound(mutant: Mutant, source: str) -> bool:
    """Whether the mutant is a program, and another one than the source."""
    try:
        changed = ast.parse(mutant.applied(source))
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(source))


Edit = tuple[int, int, str]


class _Module:
    def __init__(self, file: str, source: str) -> None:
        self.file = file
        self.data = source.encode()
        self.lines = [0]
        for line in self.data.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def visit(self, node: ast.AST, scope: tuple[str, ...], around: tuple[ast.AST, ...]) -> Iterator[Mutant]:
        """`around` are the nodes from the statement inwards whose text may be shown."""
        if isinstance(node, ast.JoinedStr | ast.Assert):  # Python 3.11 does not know the places inside an f-string
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope, around = (*scope, node.name), ()
        elif isinstance(node, ast.stmt | ast.excepthandler) and hasattr(node, "body"):
            around = ()
        elif isinstance(node, ast.match_case):
            around = (node.pattern,)
        elif isinstance(node, ast.stmt):
            around = (node,)
        elif hasattr(node, "end_col_offset"):
            around = (*around, node)
        for start, end, text in self.edits(node, scope):
            yield self.mutant(node, scope, around, (start, end, text))
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "pattern"):
                continue
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST):
                    yield from self.visit(child, scope, around)

    def mutant(self, node: ast.AST, scope: tuple[str, ...], around: tuple[ast.AST, ...], edit: Edit) -> Mutant:
        start, end, text = edit
        inside = [one for one in around if self.span(one)[0] <= start and end <= self.span(one)[1]]
        shown = [self.span(one) for one in inside if len(self.text(one)) <= CONTEXT]
        low, high = shown[0] if shown else (start, max(end, start + 1))
        before = self.data[low:high].decode()
        after = (self.data[low:start] + text.encode() + self.data[end:high]).decode()
        line = next(number for number, place in enumerate(self.lines) if place > start)
        return Mutant(self.file, line, ".".join(scope), _on_one_line(before), _on_one_line(after), start, end, text)

    def edits(self, node: ast.AST, scope: tuple[str, ...]) -> Iterator[Edit]:
        yield from self.operators(node)
        yield from self.conditions(node)
        yield from self.calls(node)
        yield from self.statements(node, scope)

    def operators(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                for one, operator, other in zip([left, *others], operators, others, strict=False):
                    yield self.between(one, other, *COMPARISONS[type(operator)])
            case ast.BoolOp(op=operator, values=values):
                old, new = (r"\band\b", "or") if isinstance(operator, ast.And) else (r"\bor\b", "and")
                yield from self.joined(node, values, old, new)
                for operand in values:
                    yield (*self.span(operand), str(isinstance(operator, ast.And)))
            case ast.UnaryOp(op=ast.Not()):
                start, end = self.span(node)
                yield start, end, self.text(node).removeprefix("not").strip()
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in ARITHMETIC:
                if isinstance(operator, ast.BitOr) and self.text(left)[:1].isupper():
                    return  # a union of classes
                yield self.between(left, right, *ARITHMETIC[type(operator)])
                if isinstance(operator, ast.Sub):
                    yield self.exchanged(left, right)
            case ast.Constant(value=bool(value)):
                yield (*self.span(node), str(not value))
            case ast.Constant(value=int(number) | float(number)):
                yield (*self.span(node), str(number + 1))

    def conditions(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                exact = isinstance(test, ast.Compare) and isinstance(test.ops[0], NEGATED_BY_OPERATOR)
                if not exact and not isinstance(test, ast.UnaryOp):
                    yield (*self.span(test), f"(not ({self.text(test)}))")
                if isinstance(node, ast.If):
                    yield (*self.span(test), "False")
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield (*self.span(test), "True")
            case ast.match_case(guard=ast.expr() as guard):
                yield (*self.span(guard), "True")
                yield (*self.span(guard), "False")
            case ast.match_case(pattern=pattern) if not isinstance(pattern, ast.MatchAs):
                end = self.span(pattern)[1]
                yield end, end, " if False"
            case ast.ExceptHandler(type=ast.expr() as caught):
                yield (*self.span(caught), "()")

    def calls(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Tuple(elts=[first, second, *_])]):
                yield (*self.span(first), self.text(second))
                yield (*self.span(second), self.text(first))
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.BinOp(left=left, right=right) as union]):
                yield (*self.span(union), self.text(left))
                yield (*self.span(union), self.text(right))
            case ast.Call(func=ast.Name(id="isinstance")):
                return
            case ast.Call(args=[first, second, *_]):
                if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                    yield self.exchanged(first, second)
        match node:
            case ast.Call(func=ast.Name(id=name) as function) if name in OPPOSITES:
                yield (*self.span(function), OPPOSITES[name])
            case ast.Call(keywords=keywords):
                yield from (self.without(keyword) for keyword in keywords if keyword.arg)

    def statements(self, node: ast.AST, scope: tuple[str, ...]) -> Iterator[Edit]:
        if scope[-1:] == ("__init__",):
            return  # the first use of the attribute that is missing would say so
        match node:
            case (
                ast.Expr(value=ast.Call() | ast.Await())
                | ast.AugAssign()
                | ast.Delete()
                | ast.Raise()
                | ast.Continue()
                | ast.Break()
                | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
                | ast.AnnAssign(target=ast.Attribute() | ast.Subscript())
            ):
                yield (*self.span(node), "pass")

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where the node's text begins and ends; `ast` counts bytes."""
        assert isinstance(node, ast.expr | ast.stmt | ast.pattern | ast.keyword | ast.arg | ast.excepthandler)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.lines[node.lineno - 1] + node.col_offset, self.lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> Edit:
        start, end = self.span(left)[1], self.span(right)[0]
        return start, end, re.sub(old, lambda _: new, self.data[start:end].decode(), count=1)

    def joined(self, node: ast.AST, values: list[ast.expr], old: str, new: str) -> Iterator[Edit]:
        """The node with another operator between all of its operands."""
        start, end = self.span(node)
        text = self.data[start : self.span(values[0])[1]].decode()
        for left, right in itertools.pairwise(values):
            text += self.between(left, right, old, new)[2] + self.text(right)
        yield start, end, text + self.data[self.span(values[-1])[1] : end].decode()

    def exchanged(self, left: ast.AST, right: ast.AST) -> Edit:
        (start, middle), (resumed, end) = self.span(left), self.span(right)
        return start, end, self.text(right) + self.data[middle:resumed].decode() + self.text(left)

    def without(self, keyword: ast.keyword) -> Edit:
        start, end = self.span(keyword)
        if comma := re.match(rb"\s*,\s*", self.data[end:]):
            return start, end + comma.end(), ""
        if comma := re.search(rb",\s*$", self.data[:start]):
            return comma.start(), end, ""
        return start, end, ""


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
