"""Pages as a browser would see them, read without one."""

from html.parser import HTMLParser

INLINE = {"a", "b", "bdi", "data", "em", "span", "strong", "time"}


class Page(HTMLParser):
    """Texts, tags and attributes of a page, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self.inside: list[str] = []
        self.run: list[str] = []
        self.feed(html)
        self.text = " ".join("".join(self.run).split())
        self.rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside.append(tag)
        self.run.append("" if tag in INLINE else " ")
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.run.append("" if tag in INLINE else " ")
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" in self.inside:
            return
        self.words.append(data)
        self.run.append(data)
        if "td" in self.inside or "th" in self.inside:
            self.rows[-1][-1] += data

    def all(self, attribute: str) -> list[str]:
        return [values[attribute] for _, values in self.tags if attribute in values]
