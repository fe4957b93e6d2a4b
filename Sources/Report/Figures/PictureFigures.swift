import Methods
import Pixels
import Rendering

/// Draws what was found out about one picture for one model.
struct PictureFigures {
    let subject: any ReportModel
    let options: ReportOptions
    let writer: FigureWriter
    let path: String
    /// The picture's place among those shown, from 1.
    let number: Int

    /// - Returns: by the section's name, what the page shows.
    /// - Throws: `VitvideoError` of kinds `software`, `cannotCreate` and `inputOutput`.
    func write(_ findings: PictureFindings) throws -> [String: PageEntry.Content] {
        var contents: [String: PageEntry.Content] = [:]
        for section in options.sections where section.isOfPictures {
            contents[section.name] = try content(of: section, findings)
        }
        return contents
    }

    private func content(
        of section: ReportSection, _ findings: PictureFindings
    ) throws -> PageEntry.Content {
        if section.needsClassifier && !subject.classifies {
            return .note("\(subject.name) has no classifier, so there are no classes.")
        }
        if case .prediction = section.content {
            let archive = try writer.write(
                name(section), [FigureArray("logits", [findings.logits.count], findings.logits)],
                provenance(findings))
            return .classes(findings.ranked, arrays: archive)
        }
        if case .method(let method) = section.content, method.figuresOfGraph == nil,
            let obstacle = subject.obstacle
        {
            return .note(obstacle)
        }
        let figures = findings.figures[section.name] ?? []
        return .figures(
            try figures.enumerated().map { index, figure in
                try writer.write(
                    name(section) + (index == 0 ? "" : "-\(index + 1)"),
                    try HeatTiles.over(
                        findings.picture, figure.tiles, columns: figure.columns, style: figure.style),
                    text: figure.text, arrays: figure.arrays, provenance(findings))
            })
    }

    private func name(_ section: ReportSection) -> String { "\(section.name)-\(number)-\(subject.fileName)" }

    private func provenance(_ findings: PictureFindings) -> Provenance {
        var provenance = subject.provenance(version: writer.version)
        provenance.add(inputHeight: findings.picture.height, inputWidth: findings.picture.width)
        // The picture's path as it was given.
        provenance["picture"] = .text(path)
        return provenance
    }
}
