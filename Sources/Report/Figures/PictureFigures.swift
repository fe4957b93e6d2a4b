import Foundation
import Pixels
import Probing
import Rendering
import ViT

/// Draws what was found out about one picture for one model.
struct PictureFigures {
    /// Channels of a head that are shown as images; the archive has all.
    static let shownChannels = 6

    let subject: ReportSubject
    let options: ReportOptions
    let writer: FigureWriter
    let path: String
    /// The picture's place among those shown, from 1.
    let number: Int

    /// - Returns: by section, what the page shows.
    /// - Throws: `RenderingError`, `VitvideoError`, `CheckpointError`, `ReportError`, `ModelError`,
    ///   `ProbingError`.
    func write(_ findings: PictureFindings) throws -> [ReportSection: PageEntry.Content] {
        var contents: [ReportSection: PageEntry.Content] = [:]
        for section in options.sections where section.isOfPictures {
            contents[section] = try content(of: section, findings)
        }
        return contents
    }

    private func content(
        of section: ReportSection, _ findings: PictureFindings
    ) throws -> PageEntry.Content {
        if section.needsClassifier && subject.classification == nil {
            return .note("\(subject.name) has no classifier, so there are no classes.")
        }
        switch section {
        case .prediction:
            let archive = try writer.write(
                name(section), [FigureArray("logits", [findings.logits.count], findings.logits)],
                provenance(findings))
            return .classes(findings.ranked, arrays: archive)
        case .heads: return .figures([try heads(findings)])
        case .layers: return .figures([try layers(findings)])
        case .rollout: return .figures([try rollout(findings)])
        case .gradientRollout: return .figures([try gradients(findings)])
        case .queriesKeys: return .figures([try queriesKeys(findings)])
        case .distance, .filters, .positions: return .figures([])
        }
    }

    private func heads(_ findings: PictureFindings) throws -> PageFigure {
        let block = try subject.model.block(at: options.layer)
        let maps = findings.attention[block].planes
        return try figure(
            .heads, findings,
            maps.enumerated().map { HeatTiles.Tile(caption: "head \($0)", map: $1) },
            columns: HeatTiles.columns(of: maps.count), arrays: [FigureArray("attention", maps)],
            text: "What the class token of \(subject.name) attends to in layer \(block), "
                + "by each of \(maps.count) heads")
    }

    private func layers(_ findings: PictureFindings) throws -> PageFigure {
        let maps = findings.attention.map { HeadFusion.mean.fuse($0.planes) }
        return try figure(
            .layers, findings,
            maps.enumerated().map { HeatTiles.Tile(caption: "layer \($0)", map: $1) },
            columns: HeatTiles.columns(of: maps.count), arrays: [FigureArray("layers", maps)],
            text: "What the class token of \(subject.name) attends to in each of \(maps.count) layers, "
                + "mean over heads")
    }

    private func rollout(_ findings: PictureFindings) throws -> PageFigure {
        let ratios = options.discardRatios.count
        return try figure(
            .rollout, findings,
            findings.rollouts.map {
                HeatTiles.Tile(
                    caption:
                        "\($0.options.headFusion.rawValue), discard \(Self.text($0.options.discardRatio))",
                    map: $0.map)
            }, columns: ratios,
            arrays: [
                FigureArray(
                    "rollout", findings.rollouts.map(\.map),
                    front: [findings.rollouts.count / ratios, ratios]
                ),
                FigureArray("discard_ratio", [ratios], options.discardRatios.map { Float($0) }),
            ],
            text: "Attention rollout through \(subject.name): heads fused by mean, max and min in rows, "
                + "discard ratios in columns")
    }

    private func gradients(_ findings: PictureFindings) throws -> PageFigure {
        let ratios = options.discardRatios.count
        return try figure(
            .gradientRollout, findings,
            findings.gradients.map {
                HeatTiles.Tile(
                    caption: "\($0.target.name), discard \(Self.text($0.options.discardRatio))", map: $0.map)
            }, columns: ratios,
            arrays: [
                FigureArray(
                    "gradient_rollout", findings.gradients.map(\.map), front: [findings.ranked.count, ratios]),
                FigureArray(
                    "class", [findings.ranked.count], findings.ranked.map { Float($0.index) }),
                FigureArray("discard_ratio", [ratios], options.discardRatios.map { Float($0) }),
            ],
            text: "Gradient rollout through \(subject.name) for "
                + findings.ranked.map(\.name).joined(separator: ", "))
    }

    private func queriesKeys(_ findings: PictureFindings) throws -> PageFigure {
        guard let images = findings.queriesKeys else {
            preconditionFailure("queries and keys are measured where they are shown")
        }
        let parts = try QueryKeyImages.Part.allCases.map { part in
            try (0..<images.headWidth).map { try images.image(part, head: options.head, channel: $0) }
        }
        let shown = min(Self.shownChannels, images.headWidth)
        let tiles = zip(["q", "k"], parts).flatMap { letter, channels in
            channels.prefix(shown).enumerated().map {
                HeatTiles.Tile(caption: "\(letter), channel \($0)", map: $1)
            }
        }
        // Opaque: the shape in the channel is what is looked for, not where it lies on the picture.
        return try figure(
            .queriesKeys, findings, tiles, columns: shown,
            arrays: [FigureArray("q", parts[0]), FigureArray("k", parts[1])],
            text: "Queries above, keys below: the first \(shown) channels of head \(options.head) in layer "
                + "\(try subject.model.block(at: options.layer)) of \(subject.name)",
            style: HeatStyle(colorMap: .viridis, alpha: 1, interpolation: .nearest))
    }

    // MARK: Common to all

    private func figure(
        _ section: ReportSection, _ findings: PictureFindings, _ tiles: [HeatTiles.Tile], columns: Int,
        arrays: [FigureArray], text: String, style: HeatStyle = HeatStyle()
    ) throws -> PageFigure {
        try writer.write(
            name(section), try HeatTiles.over(findings.picture, tiles, columns: columns, style: style),
            text: text, arrays: arrays, provenance(findings))
    }

    private static func text(_ ratio: Double) -> String { String(format: "%g", ratio) }

    private func name(_ section: ReportSection) -> String {
        "\(section.rawValue)-\(number)-\(subject.fileName)"
    }

    private func provenance(_ findings: PictureFindings) -> FigureProvenance {
        FigureProvenance(
            subject, picture: (path, findings.picture.height, findings.picture.width),
            version: writer.version)
    }
}
