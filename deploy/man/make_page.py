#!/usr/bin/env python3
"""Makes a manual page of what is written once, elsewhere: the protocol or the request.

usage: make_page.py protocol PROTOCOL.md VERSION > brot-protocol.7
       make_page.py request PROTOCOL.md request.schema.json VERSION > brot-request.5

Knows as much Markdown as PROTOCOL.md has: headings, paragraphs, lists, tables, code.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

COLUMNS = 74  # that a table may take
NARROW = 18   # a column of at most so many characters is never wrapped

INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|\*(?P<emphasis>[^*\s][^*]*)\*"
                    r"|\[(?P<link>[^]]+)\]\([^)]*\)")


def escape(text: str) -> str:
    return text.replace("\\", "\\e")


def inline(text: str) -> str:
    """A line of text in roff: code and bold are bold, emphasis is italic."""
    out, at = [], 0
    for match in INLINE.finditer(text):
        out.append(escape(text[at:match.start()]))
        at = match.end()
        if match["link"]:
            out.append(inline(match["link"]))
        elif match["emphasis"]:
            out.append(f"\\fI{escape(match['emphasis'])}\\fP")
        else:
            words = escape(match["code"] or match["bold"])
            out.append(f"\\fB{words.replace('-', chr(92) + '-')}\\fP")
    out.append(escape(text[at:]))
    line = "".join(out)
    return "\\&" + line if line.startswith((".", "'")) else line


def visible(text: str) -> int:
    return len(INLINE.sub(lambda match: next(filter(None, match.groups())), text))


def cells_of(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in
            re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def widths_of(rows: list[list[str]]) -> list[int]:
    """0 for a column that is not wrapped, else how many characters it gets."""
    natural = [max(visible(row[i]) for row in rows) for i in range(len(rows[0]))]
    if sum(natural) + 3 * len(natural) <= COLUMNS:
        return [0] * len(natural)
    wide = [i for i, width in enumerate(natural) if width > NARROW]
    left = COLUMNS - 3 * len(natural) - sum(natural[i] for i in range(len(natural))
                                            if i not in wide)
    words = [max(visible(word) for row in rows for word in row[i].split(" "))
             for i in range(len(natural))]
    # Each gets its longest word, and its share of what is left then.
    left -= sum(words[i] for i in wide)
    total = sum(natural[i] for i in wide)
    return [words[i] + max(0, left) * natural[i] // total if i in wide else 0
            for i in range(len(natural))]


def table(lines: list[str]) -> list[str]:
    rows = [cells_of(line) for line in lines]
    rows = [rows[0], *rows[2:]]
    columns = len(rows[0])
    rows = [[*row, *[""] * columns][:columns] for row in rows]
    widths = widths_of(rows)
    styles = [f"lw({width}n)" if width else "l" for width in widths]
    # A kept table that is longer than a page is a fault.
    keep = "nokeep;" if len(rows) > 20 or any(widths) else ""
    out = [".PP", ".TS", keep, " ".join(f"{style}b" for style in styles),
           " ".join(styles) + "."]
    for row in rows:
        parts = [f"T{{\n.ad l\n.nh\n{inline(cell)}\nT}}" if width else inline(cell)
                 for cell, width in zip(row, widths)]
        out.append("\t".join(parts))
    return [line for line in out if line] + [".TE"]


def code(lines: list[str]) -> list[str]:
    out = [".PP", ".RS 4", ".nf"]
    for line in lines:
        text = escape(line).replace("-", "\\-")
        out.append("\\&" + text if text.startswith((".", "'")) else text)
    return [*out, ".fi", ".RE"]


def blocks(text: str) -> list[list[str]]:
    """Lines that belong together; a fenced block stays one."""
    found: list[list[str]] = [[]]
    is_fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
        if not line and not is_fenced:
            found.append([])
        elif re.match(r"(\* |\d+\. )", line) and not is_fenced:
            found.append([line])
        elif line.startswith("#") and not is_fenced:
            found += [[line], []]
        else:
            found[-1].append(line)
    return [block for block in found if block]


def to_man(text: str) -> list[str]:
    out: list[str] = []
    for block in blocks(text):
        first = block[0]
        joined = " ".join(line.strip() for line in block)
        item = re.match(r"(\*|\d+\.) (.*)", joined)
        if first.startswith("### "):
            out += [f'.SS "{inline(first.strip("# "))}"']
        elif first.startswith("## "):
            out += [f'.SH "{inline(first.strip("# ")).upper()}"']
        elif first.startswith("```"):
            out += code(block[1:-1])
        elif first.startswith("    "):
            out += code([line[4:] for line in block])
        elif first.startswith("|"):
            out += table(block)
        elif item:
            mark = "\\(bu" if item[1] == "*" else item[1]
            out += [f".IP {mark} 3", inline(item[2])]
        else:
            out += [".PP", inline(joined)]
    return out


def head(name: str, section: int, version: str, summary: str) -> list[str]:
    return ["'\\\" t", f'.TH {name.upper()} {section} "" "brot {version}" "brot"', ".SH NAME",
            f"{name} \\- {summary}"]


def see_also(*pages: str) -> list[str]:
    names = [re.sub(r"(.+)\((\d)\)", r"\\fB\1\\fP(\2)", page).replace("-", "\\-") for page in pages]
    return [".SH SEE ALSO", ",\n".join(names)]


def section_of(text: str, number: int) -> str:
    match = re.search(rf"^## {number}\. [^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"PROTOCOL.md has no section {number}"
    return match[1]


def protocol(text: str, version: str) -> list[str]:
    # One section is about the tests of the source.
    text = re.sub(r"^## 11\. .*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    text = text.replace("Section 11 has all promises, with the tests that hold them. ", "")
    named = set(re.findall(r"\b[Ss]ection (\d+)", text))
    lacking = named - set(re.findall(r"^## (\d+)\.", text, re.MULTILINE))
    assert named and not lacking, f"the page names sections that it has not: {lacking}"
    title, body = text.split("\n", 1)
    assert title == "# BROT/1"
    introduction, rest = body.split("\n## ", 1)
    return [*head("brot-protocol", 7, version, "the wire protocol BROT/1"), ".SH DESCRIPTION",
            *to_man(introduction), *to_man("## " + rest),
            *see_also("brot-client(1)", "brot-request(5)", "brot-broker(8)", "brot-worker(8)")]


def resolve(node: dict, definitions: dict) -> dict:
    target = definitions[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else {}
    return {**target, **node}


def kind_of(node: dict, definitions: dict) -> str:
    """What a value may be, in a few words."""
    if "const" in node:
        return json.dumps(node["const"])
    if "enum" in node:
        return ", ".join(json.dumps(value) for value in node["enum"])
    if "oneOf" in node or "anyOf" in node:
        return " or ".join(kind_of(resolve(part, definitions), definitions)
                           for part in node.get("oneOf", node.get("anyOf")))
    words = str(node.get("type", "any value"))
    if "exclusiveMinimum" in node:
        words += f" above {node['exclusiveMinimum']}"
    if "minimum" in node:
        words += f" from {node['minimum']}"
    if "maximum" in node:
        words += f" to {node['maximum']}"
    if "exclusiveMaximum" in node:
        words += f" and below {node['exclusiveMaximum']}"
    if isinstance(node.get("items"), dict):
        words += f" of {kind_of(resolve(node['items'], definitions), definitions)}"
    return words


def fields(node: dict, definitions: dict, prefix: str = "") -> list[str]:
    out = []
    required = node.get("required", [])
    for name, child in node["properties"].items():
        child = resolve(child, definitions)
        notes = [kind_of(child, definitions)]
        if name in required:
            notes.append("must be there")
        if "default" in child:
            notes.append(f"by default {json.dumps(child['default'])}")
        out += [".TP", f"\\fB{inline(prefix + name)}\\fP ({inline('; '.join(notes))})",
                inline(child["description"])]
        if "properties" in child:
            out += fields(child, definitions, f"{prefix}{name}.")
    return out


REQUEST_EXAMPLES = """A request is given where a view is; options count before what it says. A picture has
its own in it.

    brot-client render --view @request.json --out picture.png
    brot-client render --view @request.json --size 640x360 --out small.png
    brot-client render --view @picture.png --out again.png
"""


def request(text: str, schema: dict, version: str) -> list[str]:
    definitions = schema.get("$defs", {})
    return [*head("brot-request", 5, version, "what to render, as a JSON document"),
            ".SH DESCRIPTION", inline(schema["description"]), *to_man(section_of(text, 3)),
            ".SH FIELDS", *fields(schema, definitions),
            ".SH EXAMPLES", *to_man(REQUEST_EXAMPLES),
            ".SH FILES", ".TP", "\\fI/usr/share/doc/brot\\-client/request.schema.json\\fP",
            "The JSON schema.",
            *see_also("brot-client(1)", "brot-protocol(7)")]


def main() -> int:
    kind, protocol_path, *rest = sys.argv[1:]
    text = Path(protocol_path).read_text(encoding="utf-8")
    if kind == "protocol":
        lines = protocol(text, rest[0])
    else:
        lines = request(text, json.loads(Path(rest[0]).read_text(encoding="utf-8")), rest[1])
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
