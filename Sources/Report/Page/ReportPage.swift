import Base
import Glibc
import ViT

/// Writes the page: one HTML file that asks nothing of the network, with the figures beside it.
struct ReportPage {
    let content: PageContent

    /// The document, UTF-8.
    func html() -> [UInt8] {
        let title = "Vision Transformer report"
        // The policy keeps the page from asking for anything that is not in its directory.
        let page = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            \(ReportDirectory.mark) \(HTMLText.escaped(content.version))">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' data:; \
            style-src 'unsafe-inline'; script-src 'unsafe-inline'">
            <link rel="icon" href="data:,">
            <title>\(title)</title>
            <style>
            \(PageStyle.css.replacing("MAXWIDTH", with: content.subjects.count > 1 ? "110rem" : "66rem"))
            </style>
            </head>
            <body>
            <a class="skip" href="#content">Skip to the content</a>
            <header>
            <div class="top"><h1>\(title)</h1><button type="button" id="theme" hidden>Theme</button></div>
            \(introduction)
            <nav aria-label="Sections"><ul>
            \(content.options.sections.map { "<li><a href=\"#\($0.name)\">\($0.title)</a></li>" }
                .joined(separator: "\n"))
            </ul></nav>
            </header>
            <main id="content">
            \(content.options.sections.map(section).joined(separator: "\n"))
            </main>
            <footer>vitvideo \(HTMLText.escaped(content.version)). The archives are NumPy's: \
            <code>numpy.load(file)</code>; <code>meta</code> in each says what it was made from.</footer>
            <script>
            \(PageStyle.script)
            </script>
            </body>
            </html>

            """
        return Array(page.utf8)
    }

    // MARK: Above the sections

    private var introduction: String {
        var parts: [String] = []
        if content.isInterrupted {
            parts.append("<p><strong>Interrupted: this is not the whole report.</strong></p>")
        }
        if content.named > 0 {
            var counts = "\(Self.pictures(content.used)) of \(content.named) used"
            if !content.skipped.isEmpty { counts += ", \(content.skipped.count) left out" }
            parts.append("<p>\(counts).</p>")
        }
        parts.append(models)
        if !content.skipped.isEmpty {
            parts.append(
                "<details><summary>Left out: \(Self.pictures(content.skipped.count))</summary><ul>"
                    + content.skipped.map { "<li>\(HTMLText.escaped($0))</li>" }.joined() + "</ul></details>")
        }
        return parts.joined(separator: "\n")
    }

    private var models: String {
        let heads = ["Model", "Shape", "Given", "Read as", "Weights, SHA-256"]
        let rows = content.subjects.map { subject in
            [
                HTMLText.escaped(subject.name), subject.shape, subject.given,
                HTMLText.escaped(subject.reading),
                "<code>\(HTMLText.escaped(String(subject.weightsHash.prefix(16))))</code>",
            ]
        }
        return "<table><thead><tr>" + heads.map { "<th scope=\"col\">\($0)</th>" }.joined()
            + "</tr></thead><tbody>"
            + rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined()
            + "</tbody></table>"
    }

    private static func pictures(_ count: Int) -> String { "\(count) picture\(count == 1 ? "" : "s")" }

    // MARK: Sections

    private func section(_ section: ReportSection) -> String {
        let blocks = content.blocks[section.name] ?? []
        let body = blocks.isEmpty ? "<p class=\"soft\">No picture was shown.</p>" : "\(shown(blocks))"
        return """
            <section id="\(section.name)" aria-labelledby="\(section.name)-title">
            <h2 id="\(section.name)-title">\(section.title)</h2>
            <p>\(HTMLText.escaped(section.explanation(content.options.settings)))</p>
            \(body)
            </section>
            """
    }

    /// A reason that every picture has is given once.
    private func shown(_ blocks: [PageBlock]) -> String {
        let notes = blocks.map { block in
            block.entries.flatMap(\.contents).compactMap {
                if case .note(let text) = $0 { text } else { nil }
            }
        }
        if let first = notes.first, notes.allSatisfy({ $0 == first }),
            blocks.allSatisfy({ $0.entries.flatMap(\.contents).count == first.count })
        {
            return first.map(note).joined(separator: "\n")
        }
        return blocks.map(block).joined(separator: "\n")
    }

    private func block(_ block: PageBlock) -> String {
        let heading = block.heading.map { "<h3>\(HTMLText.escaped($0))</h3>\n" } ?? ""
        return heading + "<div class=\"row\">\n" + block.entries.map(entry).joined(separator: "\n")
            + "\n</div>"
    }

    private func entry(_ entry: PageEntry) -> String {
        // With one model its name stands at the top of the page and is in no need of repeating.
        let name = content.subjects.count > 1 ? entry.model : nil
        let level = name.map { "<h4>\(HTMLText.escaped($0))</h4>\n" } ?? ""
        let body = entry.contents.map { content in
            switch content {
            case .figures(let figures): figures.map(figure).joined(separator: "\n")
            case .note(let text): note(text)
            case .classes(let ranked, let arrays): classes(ranked, arrays: arrays)
            case .text(let text, let arrays):
                "<p>\(HTMLText.escaped(text)) \(Self.link(toArrays: arrays))</p>"
            case .table(let table): self.table(table)
            }
        }.joined(separator: "\n")
        return "<div>\n\(level)\(body)\n</div>"
    }

    private func table(_ table: PageTable) -> String {
        guard !table.rows.isEmpty else { return "" }
        let head = table.head.map { "<th scope=\"col\">\(HTMLText.escaped($0))</th>" }.joined()
        let rows = table.rows.map { row in
            "<tr>"
                + row.enumerated().map { index, cell in
                    let text = HTMLText.escaped(cell)
                    return index == 0
                        ? "<th scope=\"row\">\(text)</th>" : "<td class=\"number\">\(text)</td>"
                }.joined() + "</tr>"
        }
        return "<table><thead><tr>\(head)</tr></thead><tbody>\(rows.joined())</tbody></table>"
    }

    private func note(_ text: String) -> String { "<p class=\"soft\">\(HTMLText.escaped(text))</p>" }

    private func figure(_ figure: PageFigure) -> String {
        let text = HTMLText.escaped(figure.text)
        let file = HTMLText.escaped(figure.file)
        let arrays = figure.arrays.map { " " + Self.link(toArrays: $0) } ?? ""
        return """
            <figure>
            <a href="\(file)"><img src="\(file)" width="\(figure.width)" height="\(figure.height)" alt="\(text)"></a>
            <figcaption>\(text).\(arrays)</figcaption>
            </figure>
            """
    }

    private func classes(_ ranked: [ClassLabels.Ranked], arrays: String) -> String {
        let rows = ranked.map { rank in
            let share = formatted("%.1f", rank.probability * 100)
            return "<tr><td>\(HTMLText.escaped(rank.name))</td><td class=\"number\">\(share) %</td>"
                + "<td><meter min=\"0\" max=\"100\" value=\"\(share)\" "
                + "aria-label=\"\(HTMLText.escaped(rank.name))\"></meter></td></tr>"
        }
        return
            "<table><thead><tr><th scope=\"col\">Class</th><th scope=\"col\">Probability</th><td></td></tr></thead>"
            + "<tbody>\(rows.joined())</tbody></table><p class=\"soft\">\(Self.link(toArrays: arrays))</p>"
    }

    private static func link(toArrays file: String) -> String {
        "<a href=\"\(HTMLText.escaped(file))\">Arrays (.npz)</a>"
    }
}
