"""Every small change that may be made to a source: Mutants, found by the syntax tree and applied to the text."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
#: Calls that may go without anybody's loss: what only tells developers what happens.
_TALK = {"debug", "info"}


@dataclass(frozen=True)
class Mutant:
    """One change.  ``begin``, ``end``: bytes of the source that ``text`` replaces.  ``line``: from 1.

    ``id`` stays the same as long as the code of the function around it does.
    """

    id: str
    path: str
    line: int
    kind: str
    begin: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        return source[: self.begin] + self.text.encode() + source[self.end :]

    def is_fault(self, source: bytes) -> bool:
        """Whether the source is still Python, and says something else."""
        try:
            return ast.dump(ast.parse(self.apply(source))) != ast.dump(ast.parse(source))
        except SyntaxError:
            return False

    def diff(self, source: bytes) -> str:
        before, after = (each.decode().splitlines() for each in (source, self.apply(source)))
        lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]
        return f"{self.id} {self.path}:{self.line} {self.kind}\n" + "\n".join(f"    {line}" for line in lines)


class _Finder(ast.NodeVisitor):
    """Collects (node, kind, replacement) of one module."""

    def __init__(self, source: bytes) -> None:
        self._source, self._starts = source, [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._scope: list[str] = []
        self.found: list[tuple[str, int, str, int, int, str]] = []

    def _span(self, node: ast.AST) -> tuple[int, int]:
        begin = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return begin, self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def _text(self, node: ast.AST) -> str:
        begin, end = self._span(node)
        return self._source[begin:end].decode()

    def _add(self, node: ast.AST, kind: str, text: str) -> None:
        begin, end = self._span(node)
        self._put(node, kind, begin, end, text)

    def _put(self, node: ast.AST, kind: str, begin: int, end: int, text: str) -> None:
        self.found.append((".".join(self._scope), node.lineno, kind, begin, end, text))  # type: ignore[attr-defined]

    # What is left alone: annotations, docstrings, asserts (they are for the type checker), names that are exported

    def _scoped(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._scope.append(node.name)
        if not isinstance(node, ast.ClassDef):
            for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
                self.visit(default)
        for each in node.body:
            self.visit(each)
        self._scope.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _scoped

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test) or "__name__" in ast.unparse(node.test):
            return
        self._add(node.test, "negated condition", f"not ({self._text(node.test)})")
        self.generic_visit(node)

    # What is changed

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            between = self._span(left)[1], self._span(right)[0]
            if self._source[between[0] : between[1]].strip(b" ()\n").decode() in ast.unparse(node):
                text = self._source[between[0] : between[1]].decode()
                old = {new: sign for sign, new in _SIGNS.items()}[type(operator)]
                if old in text:
                    self._put(node, "comparison", *between, text.replace(old, _COMPARED[type(operator)]))
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        if len(node.values) == 2:
            begin, end = self._span(node.values[0])[1], self._span(node.values[1])[0]
            self._put(node, "boolean", begin, end, self._source[begin:end].decode().replace(old, new))
        else:
            self._add(node, "boolean", f"({self._text(node.values[0])} {old} {self._text(node.values[-1])})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, "boolean", f"bool({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, (ast.Add, ast.Sub)):
            if isinstance(node.right, ast.Constant) and node.right.value == 1:
                self._add(node, "off by one", f"({self._text(node.left)})")
            elif not any(isinstance(each, (ast.Constant, ast.JoinedStr)) for each in (node.left, node.right)):
                sign = "-" if isinstance(node.op, ast.Add) else "+"
                self._add(node, "arithmetic", f"({self._text(node.left)}) {sign} ({self._text(node.right)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, "constant", str(not node.value))
        elif isinstance(node.value, int):
            self._add(node, "constant", str(node.value + 1))

    def visit_Expr(self, node: ast.Expr) -> None:
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(call, ast.Call):
            called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if called in _TALK:
                return
            self._add(node, "removed call", "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "removed statement", "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, "removed raise", "pass")
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            text = ast.unparse(item.context_expr)
            if item.optional_vars is None and ("lock" in text.lower() or "condition" in text.lower()):
                self._add(item.context_expr, "removed lock", "__import__('contextlib').nullcontext()")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        plain = [each for each in node.args[:2] if isinstance(each, (ast.Name, ast.Attribute))]
        if len(plain) == 2 and ast.unparse(plain[0]) != ast.unparse(plain[1]):
            first, second = plain
            begin, end = self._span(first)[0], self._span(second)[1]
            middle = self._source[self._span(first)[1] : self._span(second)[0]].decode()
            self._put(node, "swapped arguments", begin, end, self._text(second) + middle + self._text(first))
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if isinstance(node.type, ast.Tuple) and len(node.type.elts) > 1:
            rest = ", ".join(self._text(each) for each in node.type.elts[1:])
            self._add(node.type, "exception class", f"({rest},)")
        elif node.type is not None:
            self._add(node.type, "exception class", "ZeroDivisionError")
        for each in node.body:
            self.visit(each)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._add(node.value, "return value", "None")
        self.generic_visit(node)


_SIGNS: dict[str, type[ast.cmpop]] = {
    "<=": ast.LtE,
    "<": ast.Lt,
    ">=": ast.GtE,
    ">": ast.Gt,
    "==": ast.Eq,
    "!=": ast.NotEq,
    "is not": ast.IsNot,
    "is": ast.Is,
    "not in": ast.NotIn,
    "in": ast.In,
}


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Every Mutant of one file, also those that are no fault."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    seen: Counter[str] = Counter()
    for scope, line, kind, begin, end, text in finder.found:
        said = "\0".join([path, scope, kind, source[begin:end].decode(), text])
        seen[said] += 1
        identity = hashlib.sha256(f"{said}\0{seen[said]}".encode()).hexdigest()[:10]
        yield Mutant(identity, path, line, kind, begin, end, text)
