#!/usr/bin/env python3
"""Writes the documents beside this file; see README.md. Deterministic but for qpdf's encryption keys."""

import pathlib
import subprocess
import zlib

HERE = pathlib.Path(__file__).parent / "documents"


def pdf(objects, info=None):
    """A PDF file of the numbered objects (bytes each, 1 is the catalog), with a correct cross-reference table."""
    if info:
        objects = objects + [info]
    out = b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    extra = b" /Info %d 0 R" % len(objects) if info else b""
    out += b"trailer\n<</Size %d /Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, extra, table)
    return out


def stream(data, entries=b""):
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


def text(lines):
    """A content stream of (size, x, y, text) lines."""
    parts = [b"BT /F %d Tf %d %d Td (%s) Tj ET" % (size, x, y, words.encode("cp1252")) for size, x, y, words in lines]
    return stream(b"\n".join(parts))


FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
IMAGE = stream(
    zlib.compress(bytes(range(256)) * 4),
    b"/Type/XObject/Subtype/Image/Width 32/Height 32/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/FlateDecode",
)
DRAW = stream(b"q 400 0 0 400 50 50 cm /I Do Q")


def document(contents, page_entries=b"", catalog_entries=b"", more=(), info=None):
    """One page for each content stream. Objects: catalog, pages, font, image, then page and content alternating, then more."""
    first = 5
    kids = b" ".join(b"%d 0 R" % (first + 2 * index) for index in range(len(contents)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog_entries,
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(contents)),
        FONT,
        IMAGE,
    ]
    for index, content in enumerate(contents):
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R" % (first + 2 * index + 1)
        page += b"/Resources<</Font<</F 3 0 R>>/XObject<</I 4 0 R>>>>%s>>" % page_entries
        objects += [page, content]
    return pdf(objects + list(more), info)


def main():
    HERE.mkdir(exist_ok=True)
    title = "Café rules".encode("utf-16-be").hex().encode()
    info = b"<</Title<feff%s>/Author(A. Writer)/CreationDate(D:20240229120000+01'00')/ModDate(D:20240301000000Z)>>" % title
    pages = [
        text([
            (20, 50, 780, "First heading"),
            (11, 50, 740, "The first paragraph of the first page goes on"),
            (11, 50, 726, "for a second line and ends here."),
            (11, 50, 690, "The second paragraph speaks of a caf\u00e9."),
        ]),
        text([(11, 50, 780, "A sentence that begins on page two and goes on")]),
        text([(11, 50, 780, "on page three, where it ends.")]),
    ]
    three = document(pages, info=info)
    (HERE / "three-pages.pdf").write_bytes(three)
    (HERE / "truncated.pdf").write_bytes(three[: len(three) * 2 // 3])
    table = three.rindex(b"\nxref\n") + 1
    broken = three[:table] + three[table:].replace(b"0000000", b"0000009")
    (HERE / "damaged-table.pdf").write_bytes(broken)
    (HERE / "no-text.pdf").write_bytes(document([stream(b"")]))
    (HERE / "image-only.pdf").write_bytes(document([DRAW, DRAW]))
    (HERE / "image-and-text.pdf").write_bytes(document([DRAW, text([(11, 50, 780, "Words after a picture")])]))
    (HERE / "rotated.pdf").write_bytes(
        document([text([(11, 50, 780, "Sideways words"), (11, 50, 766, "in two lines")])], page_entries=b"/Rotate 90")
    )
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(f1)/TU(Name of the applicant)/V(Ada Lovelace)/Rect[50 700 200 720]/F 4>>"
    (HERE / "form.pdf").write_bytes(
        document(
            [text([(11, 50, 780, "Application")])],
            page_entries=b"/Annots[7 0 R]",
            catalog_entries=b"/AcroForm<</Fields[7 0 R]>>",
            more=[field],
        )
    )
    (HERE / "handbook.md").write_text(
        "---\ntitle: \"The Handbook\"\nlang: en\n---\n\n# Another heading\n\nText with *marks*.\n", encoding="utf-8"
    )

    def qpdf(*arguments):
        subprocess.run(["qpdf", *arguments], check=True)

    source = str(HERE / "three-pages.pdf")
    qpdf("--encrypt", "open sesame", "owner", "256", "--", source, str(HERE / "user-password.pdf"))
    qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "128", "--", source, str(HERE / "empty-password.pdf"))
    qpdf("--empty", str(HERE / "no-pages.pdf"))


main()
