"""HTML read back: elements with their attributes and text, by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Node:
    """An element, its attributes, its children (elements and texts)."""

    tag: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def all(self, tag: str = "", class_: str = "", **attributes: str) -> list[Node]:
        """Descendants that match, in document order. Attribute names: `_` stands for `-`."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if child.matches(tag, class_, attributes):
                    found.append(child)
                found += child.all(tag, class_, **attributes)
        return found

    def one(self, tag: str = "", class_: str = "", **attributes: str) -> Node:
        """The only descendant that matches."""
        (found,) = self.all(tag, class_, **attributes)
        return found

    def matches(self, tag: str, class_: str, attributes: dict[str, str]) -> bool:
        classes = self.attributes.get("class", "").split()
        named = {key.replace("_", "-"): value for key, value in attributes.items()}
        return (
            (not tag or self.tag == tag)
            and (not class_ or class_ in classes)
            and all(self.attributes.get(key) == value for key, value in named.items())
        )

    @property
    def text(self) -> str:
        """All text within, white space collapsed."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).replace("\u00a0", " ").split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {key: value or "" for key, value in attrs})
        self.open[-1].children.append(node)
        if tag not in _VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].tag != tag:
            raise AssertionError(f"</{tag}> closes <{self.open[-1].tag}>")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(html: str) -> Node:
    """The document; raises AssertionError where tags do not match."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], [node.tag for node in reader.open]
    return reader.root
