"""Compiles a thread of the model: a driver of some lines and the functions of ext/ that it calls.

Calls are inlined. A thread becomes a list of operations on its private words `L` (what functions
keep in RingEnd and in their variables), on shared words, each with a number, and on ghosts `G`,
which only the checks know. What isn't understood is a SyntaxError that says where: no part of a
function is left out silently but what SILENT names.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Any, NoReturn

from tests.model.source import Function

# Hints to the processor; and what has a model of its own.
SILENT = ("prefetch", "prefetch_write", "cpu_pause", "edge_wake")
SAME = ("likely", "unlikely")
LOADS = {"load_acquire": "acquire", "load_relaxed": "relaxed", "load_word": "relaxed"}
STORES = {"store_release": "release", "store_relaxed": "relaxed", "store_word": "relaxed"}
FENCES = {"fence_acquire": "acquire", "fence_release": "release", "full_fence": "full"}
PURE = ("min", "max", "newest_sequence")
KINDS = {"RingEnd *": "ring", "InEdge *": "edge", "OutEdge *": "edge"}
OPERATORS = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Mod: "%", ast.FloorDiv: "//"},
    **{ast.BitAnd: "&", ast.BitOr: "|", ast.LShift: "<<", ast.RShift: ">>"},
    **{ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="},
    **{ast.Is: "is", ast.IsNot: "is not"},
}


class Op(IntEnum):
    SET = auto()
    BRANCH = auto()
    JUMP = auto()
    CHOOSE = auto()
    CHECK = auto()
    GHOST = auto()
    END = auto()
    LOAD = auto()
    STORE = auto()
    FENCE = auto()
    EXCHANGE = auto()
    WAIT = auto()
    WAKE = auto()


@dataclass
class Operation:
    op: Op
    place: str  # file and line
    text: str
    order: str = ""  # acquire, release, full, relaxed; plain: must not race; data: payload
    target: int = 0  # a private word, a ghost, an operation
    word: Callable[..., int] | None = None  # the shared word
    value: Callable[..., Any] | None = None
    clears: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bound:
    """What a name stands for: a kind, and a prefix of private words or the text of its value."""

    kind: str
    at: str = ""


@dataclass(frozen=True)
class Layout:
    """The shared words by number, in a ring of `capacity` slots of `words` words."""

    capacity: int
    words: int
    fields: tuple[str, ...]  # of a header, of a view

    @property
    def count(self) -> int:
        return len(self.fields) + self.capacity * self.words

    def slot(self, place: str, word: str) -> str:
        return f"({len(self.fields)} + ({place}) * {self.words} + {word})"

    def name(self, number: int) -> str:
        if number < len(self.fields):
            return self.fields[number]
        place, word = divmod(number - len(self.fields), self.words)
        return f"slot[{place}].words[{word}]"

    def sequences(self) -> list[int]:
        return [len(self.fields) + place * self.words for place in range(self.capacity)]


@dataclass
class Program:
    """A thread: its operations, and how many private words they use."""

    name: str
    code: list[Operation]
    names: list[str]
    initial: tuple[Any, ...]


@dataclass
class Compiler:
    name: str
    known: Mapping[str, Function]
    layout: Layout
    ghosts: tuple[str, ...]
    constants: Mapping[str, int]
    code: list[Operation] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    used: list[int] = field(default_factory=list)  # temporaries of the statement
    scope: dict[str, Bound] = field(default_factory=dict)
    function: Function | None = None
    node: ast.AST | None = None
    returns: list[tuple[list[Operation], int]] = field(default_factory=list)
    loops: list[tuple[int, list[Operation]]] = field(default_factory=list)
    depth: int = 0

    # What all need.

    def fail(self, why: str) -> NoReturn:
        raise SyntaxError(f"{self.place()}: {why}: {self.text()}")

    def place(self) -> str:
        return self.function.place(self.node)

    def text(self) -> str:
        return self.function.text(self.node)

    def emit(self, op: Op, **fields: Any) -> Operation:
        operation = Operation(op, self.place(), self.text(), **fields)
        self.code.append(operation)
        return operation

    def private(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def temporary(self) -> int:
        index = self.private(f"t{len(self.used)}.{self.depth}")
        self.used.append(index)
        return index

    def lambda_of(self, expression: str) -> Callable[..., Any]:
        return eval(f"lambda L, G, M: {expression}", {"newest_sequence": self.newest_sequence})

    def newest_sequence(self, memory: Any) -> int:
        return max(memory[word][1][-1][0] for word in self.layout.sequences())

    def finish_statement(self) -> tuple[int, ...]:
        clears, self.used = tuple(dict.fromkeys(self.used)), []
        return clears

    # Expressions: each is the text of a Python expression of L, G and M (memory).

    def bound(self, node: ast.expr) -> Bound:
        """What a pointer is: a name, `edge.ring`, `&name`."""
        match node:
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return self.bound(operand)
            case ast.Name(id=name) if name in self.scope:
                return self.scope[name]
            case ast.Attribute(value=value, attr="ring"):
                return Bound("ring", f"{self.bound(value).at}")
            case ast.Attribute(value=value, attr=attr):
                inner = self.bound(value)
                if inner.kind in ("ring", "edge", "node", "target"):
                    return Bound("private", f"{inner.at}.{attr}" if inner.at else attr)
                if inner.kind == "header":
                    return Bound("word", str(self.field(attr)))
        self.fail("not a pointer that the model knows")

    def field(self, name: str) -> int:
        if name not in self.layout.fields:
            self.fail(f"no shared word {name}")
        return self.layout.fields.index(name)

    def word(self, node: ast.expr) -> str | None:
        """The number of the shared word that an expression names, if it names one."""
        match node:
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return self.word(operand)
            case ast.Attribute(value=ast.Attribute(value=ring, attr="header"), attr=name):
                if self.bound(ring).kind == "ring":
                    return str(self.field(name))
                if name == "stamp" and self.bound(ring).kind == "slot":
                    return self.layout.slot(self.bound(ring).at, str(self.layout.words - 1))
            case ast.Subscript(value=ast.Attribute(value=slot, attr="words"), slice=index):
                place = self.slot(slot)
                if place is not None:
                    return self.layout.slot(place, self.value(index))
            case ast.Attribute(
                value=ast.Attribute(attr=("view_even" | "view_odd") as half), attr=attr
            ):
                return str(self.field(f"{half}.{attr}"))
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in self.scope:
                there = self.scope[name]
                if there.kind == "shared":
                    return str(self.field(attr))
                if there.kind == "copy":
                    first = [f"{half}.{attr}" for half in ("view_even", "view_odd")]
                    return (
                        f"({self.field(first[0])} if {there.at} == 0 else {self.field(first[1])})"
                    )
        return None

    def slot(self, node: ast.expr) -> str | None:
        """The place of a slot."""
        match node:
            case ast.Subscript(value=ast.Attribute(value=ring, attr="slots"), slice=index):
                if self.bound(ring).kind == "ring":
                    return self.value(index)
            case ast.Name(id=name) if name in self.scope and self.scope[name].kind == "slot":
                return self.scope[name].at
        return None

    def value(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=value):
                return repr(value)
            case ast.Name(id="NULL"):
                return "None"
            case ast.Name(id=name) if name in self.scope:
                return self.scope[name].at
            case ast.Name(id=name) if name in self.constants:
                return str(self.constants[name])
            case ast.Attribute(value=ast.Name(id="ghost"), attr=name):
                return f"G[{self.ghosts.index(name)}]"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return f"({self.value(left)} {OPERATORS[type(op)]} {self.value(right)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(not {self.value(operand)})"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{self.value(operand)})"
            case ast.Compare(left=left, ops=ops, comparators=others):
                parts = [self.value(left)]
                for op, other in zip(ops, others, strict=True):
                    parts += [OPERATORS[type(op)], self.value(other)]
                return f"({' '.join(parts)})"
            case ast.BoolOp(op=op, values=[*values]):
                return self.short_cut(isinstance(op, ast.And), values)
            case ast.IfExp(test=test, body=body, orelse=other):
                chosen = [self.value(part) for part in (test, body, other)]
                return f"({chosen[1]} if {chosen[0]} else {chosen[2]})"
            case ast.Call():
                return self.call(node)
            case ast.UnaryOp(op=ast.Invert(), operand=operand) if self.slot(operand) is not None:
                return self.slot(operand)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=0)) if (
                self.scope[name].kind == "value"
            ):
                return self.scope[name].at
            case ast.Subscript(value=ast.Attribute(value=owner, attr="words"), slice=index) if (
                self.word(node) is None
            ):
                return self.target_word(owner, index)
            case _:
                word = self.word(node)
                if word is not None:
                    return self.load(word, "data" if self.is_data(node) else "plain")
                return f"L[{self.private(self.bound(node).at)}]"

    def target_word(self, owner: ast.expr, index: ast.expr) -> str:
        number = ast.literal_eval(index)
        return f"L[{self.private(f'{self.bound(owner).at}.words[{number}]')}]"

    def short_cut(self, every: bool, values: list[ast.expr]) -> str:
        """`a and b`: b's loads happen only if a holds."""
        first = self.value(values[0])
        rest: list[str] = []
        for value in values[1:]:
            mark = len(self.code)
            expression = self.value(value)
            if len(self.code) != mark:
                del self.code[mark:]
                return self.branching(every, [first, *rest], value, values)
            rest.append(expression)
        return f"({(' and ' if every else ' or ').join([first, *rest])})"

    def branching(
        self, every: bool, settled: list[str], value: ast.expr, values: list[ast.expr]
    ) -> str:
        if value is not values[-1]:
            self.fail("only the last part of a condition may load")
        result = self.temporary()
        joined = f"({(' and ' if every else ' or ').join(settled)})"
        self.emit(Op.SET, target=result, value=self.lambda_of(f"bool{joined}"))
        test = f"L[{result}]" if every else f"not L[{result}]"
        branch = self.emit(Op.BRANCH, value=self.lambda_of(test))
        expression = self.value(value)
        self.emit(Op.SET, target=result, value=self.lambda_of(f"bool({expression})"))
        branch.target = len(self.code)
        return f"L[{result}]"

    def load(self, word: str, order: str) -> str:
        target = self.temporary()
        self.emit(Op.LOAD, target=target, order=order, word=self.lambda_of(word))
        return f"L[{target}]"

    def call(self, node: ast.Call) -> str:
        name, arguments = node.func.id, node.args
        if name in SILENT:
            return "None"
        if name in SAME:
            return self.value(arguments[0])
        if name == "newest_sequence":
            return "newest_sequence(M)"
        if name in PURE:
            return f"{name}({', '.join(self.value(argument) for argument in arguments)})"
        if name == "choose":
            target = self.temporary()
            self.emit(Op.CHOOSE, target=target, value=self.lambda_of(self.value(arguments[0])))
            return f"L[{target}]"
        if name in LOADS:
            return self.load(self.shared(arguments[0]), LOADS[name])
        if name in STORES:
            self.store(self.shared(arguments[0]), STORES[name], self.value(arguments[1]))
        elif name == "exchange_word":
            word, new = self.shared(arguments[0]), self.value(arguments[1])
            target = self.temporary()
            number, value = self.lambda_of(word), self.lambda_of(new)
            self.emit(Op.EXCHANGE, target=target, word=number, value=value)
            return f"L[{target}]"
        elif name in FENCES:
            self.emit(Op.FENCE, order=FENCES[name])
        elif name in ("futex_wait", "futex_wake"):
            expected = self.value(arguments[1]) if len(arguments) > 1 else "None"
            op = Op.WAIT if name == "futex_wait" else Op.WAKE
            word = self.lambda_of(self.shared(arguments[0]))
            self.emit(op, word=word, value=self.lambda_of(expected))
        elif name == "memcpy":
            self.copy(*arguments)
        elif name == "show_side":
            self.store(self.word(arguments[3]), "data", self.scope["sequence"].at)
        elif name in self.known:
            return self.inline(self.known[name], arguments)
        else:
            self.fail(f"unknown function {name}")
        return "None"

    def shared(self, node: ast.expr) -> str:
        word = self.word(node)
        if word is None:
            self.fail("not a shared word")
        return word

    def store(self, word: str, order: str, value: str) -> None:
        self.emit(Op.STORE, order=order, word=self.lambda_of(word), value=self.lambda_of(value))

    def copy(self, target: ast.expr, source: ast.expr, size: ast.expr) -> None:
        """`memcpy` from or to a slot, from some word on to the end: word by word."""
        first, target = self.first_word(target)
        second, source = self.first_word(source)
        count = eval(self.value(size)) // 8
        if first != second or first + count != self.layout.words:
            self.fail(f"memcpy of the words {first}.. and {second}.., {count} of them")
        place = self.slot(target)
        for word in range(first, first + count):
            if place is not None:
                value = (
                    f"-{self.bound(source).at}"
                    if word == self.layout.words - 1
                    else (self.bound(source).at)
                )
                self.store(self.layout.slot(place, str(word)), "data", value)
            else:
                index = self.private(f"{self.bound(target).at}.words[{word}]")
                from_place = self.slot(source)
                if from_place is None:
                    self.fail("neither is a slot")
                number = self.lambda_of(self.layout.slot(from_place, str(word)))
                order = "data" if word else "relaxed"
                self.emit(Op.LOAD, target=index, order=order, word=number)

    def first_word(self, node: ast.expr) -> tuple[int, ast.expr]:
        match node:
            case ast.UnaryOp(
                op=ast.Invert(),
                operand=ast.Subscript(value=ast.Attribute(value=owner, attr="words"), slice=index),
            ):
                return ast.literal_eval(index), owner
        return 0, node

    def inline(self, function: Function, arguments: list[ast.expr]) -> str:
        if len(arguments) != len(function.parameters):
            self.fail(f"{function.name} takes {len(function.parameters)} arguments")
        scope = {"NULL": Bound("value", "None")}
        mine: list[int] = []
        for (name, type_name), argument in zip(function.parameters, arguments, strict=True):
            if type_name.endswith("*"):
                scope[name] = self.bound(argument)
            else:
                index = self.private(f"{function.name}.{name}")
                mine.append(index)
                self.emit(Op.SET, target=index, value=self.lambda_of(self.value(argument)))
                scope[name] = Bound("value", f"L[{index}]")
        result = self.temporary()
        outer = (self.scope, self.function, self.node, self.used, self.loops)
        self.scope, self.function, self.used, self.loops = scope, function, [], []
        self.returns.append(([], result))
        self.depth += 1
        self.statements(function.body, mine)
        self.node = function.body[-1]
        ends, _ = self.returns.pop()
        for end in ends:
            end.target = len(self.code)
        self.emit(Op.SET, target=result, value=self.lambda_of(f"L[{result}]"), clears=tuple(mine))
        self.depth -= 1
        self.scope, self.function, self.node, self.used, self.loops = outer
        return f"L[{result}]"

    # Statements.

    def statements(self, body: list[ast.stmt], mine: list[int]) -> None:
        for node in body:
            self.node = node
            self.statement(node, mine)
            self.used = []

    def statement(self, node: ast.stmt, mine: list[int]) -> None:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(value=ast.Call() as call):
                self.call(call)
                self.clear()
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=value):
                self.declare(name, kind.value, mine)
                if value is not None:
                    self.assign(ast.Name(name), self.value_of(value))
            case ast.Assign(targets=[target], value=value):
                self.assign(target, self.value_of(value))
            case ast.AugAssign(target=target, op=op, value=value):
                self.assign(target, self.value(ast.BinOp(target, op, value)))
            case ast.If(test=test, body=body, orelse=other):
                branch = self.branch(test)
                self.statements(body, mine)
                if other:
                    end = self.emit(Op.JUMP)
                    branch.target = len(self.code)
                    self.statements(other, mine)
                    end.target = len(self.code)
                else:
                    branch.target = len(self.code)
            case ast.While(test=test, body=body):
                start = len(self.code)
                branch = None if ast.unparse(test) == "True" else self.branch(test)
                self.loops.append((start, []))
                self.statements(body, mine)
                self.emit(Op.JUMP, target=start)
                _, breaks = self.loops.pop()
                for jump in [branch, *breaks]:
                    if jump is not None:
                        jump.target = len(self.code)
            case ast.Break():
                self.loops[-1][1].append(self.emit(Op.JUMP))
            case ast.Continue():
                self.emit(Op.JUMP, target=self.loops[-1][0])
            case ast.Return(value=value):
                ends, result = self.returns[-1]
                text = "None" if value is None else self.value_of(value)
                clears = tuple(index for index in self.finish_statement() if index != result)
                self.emit(Op.SET, target=result, value=self.lambda_of(text), clears=clears)
                ends.append(self.emit(Op.JUMP))
            case ast.Assert(test=test, msg=ast.Constant(value=message)):
                expression = self.value(test)
                check = self.emit(Op.CHECK, value=self.lambda_of(expression))
                check.text = message
                self.clear()
            case _:
                self.fail("a statement that the model doesn't know")

    def declare(self, name: str, kind: str, mine: list[int]) -> None:
        if kind == "BookCopy *":
            index = self.private(f"{self.function.name}.{name}")
            self.scope[name] = Bound("copy", f"L[{index}]")
        elif kind == "Target":
            self.scope[name] = Bound("target", name)
            return
        else:
            index = self.private(f"{self.function.name}.{name}")
            self.scope[name] = Bound("slot" if kind == "Message *" else "value", f"L[{index}]")
        mine.append(index)

    def value_of(self, node: ast.expr) -> str:
        """A value, or which half of a view `&shown.view_even if .. else &shown.view_odd` is."""
        match node:
            case ast.UnaryOp(
                op=ast.Invert(), operand=ast.Attribute(attr=("view_even" | "view_odd") as half)
            ):
                return str(int(half == "view_odd"))
            case ast.IfExp(test=test, body=body, orelse=other):
                parts = [self.value_of(part) for part in (test, body, other)]
                return f"({parts[1]} if {parts[0]} else {parts[2]})"
        return self.value(node)

    def branch(self, test: ast.expr) -> Operation:
        expression = self.value(test)
        return self.emit(
            Op.BRANCH, value=self.lambda_of(expression), clears=self.finish_statement()
        )

    def clear(self) -> None:
        clears = self.finish_statement()
        if clears:
            keep = self.lambda_of("None")
            self.emit(Op.SET, target=clears[0], value=keep, clears=clears[1:])

    def assign(self, target: ast.expr, expression: str) -> None:
        clears = ()
        match target:
            case ast.Attribute(value=ast.Name(id="ghost"), attr=name):
                self.emit(
                    Op.GHOST, target=self.ghosts.index(name), value=self.lambda_of(expression)
                )
                self.clear()
                return
            case ast.Name(id=name) if self.scope[name].at.startswith("L["):
                index = int(self.scope[name].at[2:-1])
            case ast.Subscript(value=ast.Name(id=name)) if self.scope[name].at.startswith("L["):
                index = int(self.scope[name].at[2:-1])
            case _:
                word = self.word(target)
                if word is not None:
                    order = "data" if self.is_data(target) else "plain"
                    self.store(word, order, expression)
                    self.clear()
                    return
                match target:
                    case ast.Subscript(value=ast.Attribute(value=owner, attr="words"), slice=place):
                        index = int(self.target_word(owner, place)[2:-1])
                    case _:
                        index = self.private(self.bound(target).at)
        clears = tuple(one for one in self.finish_statement() if one != index)
        self.emit(Op.SET, target=index, value=self.lambda_of(expression), clears=clears)

    def is_data(self, target: ast.expr) -> bool:
        text = ast.unparse(target)
        return text.endswith(".header.stamp") or ".words[" in text or text.startswith("copy.")


def compile_thread(
    name: str,
    driver: Function,
    known: Mapping[str, Function],
    layout: Layout,
    ghosts: tuple[str, ...],
    constants: Mapping[str, int],
) -> Program:
    """A driver's parameters are its shared things: ring, edge, shown, each of that kind."""
    compiler = Compiler(name, known, layout, ghosts, constants)
    compiler.function = driver
    compiler.scope = {"NULL": Bound("value", "None")}
    for parameter, type_name in driver.parameters:
        kind = {"RingEnd *": "ring", "InEdge *": "edge", "OutEdge *": "edge"}.get(
            type_name, "shared"
        )
        compiler.scope[parameter] = Bound(kind, "ring" if kind in ("ring", "edge") else parameter)
    compiler.statements(driver.body, [])
    compiler.emit(Op.END)
    given = {"ring.capacity": layout.capacity, "ring.mask": layout.capacity - 1}
    zero = {"ring.head", "ring.cursor", "ring.cursor_seen", "ring.cursor_stored", "ring.lost"}
    initial = tuple(
        given.get(word, 0 if word in zero or word.startswith("ring.") else None)
        for word in compiler.names
    )
    return Program(name, compiler.code, compiler.names, initial)
