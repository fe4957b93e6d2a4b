import Methods
import Rendering
import ViT

/// Draws what was found out about the class token: a curve a model, its numbers, and where in the shown pictures the
/// patches give the answer.
final class ClassTokenCollector: SurveyCollector {
    private let tallies: [ClassTokenTally]
    private let writer: FigureWriter
    private var shown: [PageBlock] = []

    init(_ tallies: [ClassTokenTally], _ writer: FigureWriter) {
        self.tallies = tallies
        self.writer = writer
    }

    func add(_ measures: [ClassTokenMeasure], of picture: CollectedPicture) throws {
        for (tally, measure) in zip(tallies, measures) { try tally.add(measure) }
        guard let number = picture.shownNumber else { return }
        let entries = try zip(tallies, measures).compactMap { tally, measure in
            try measure.patches?.shown.map {
                PageEntry(
                    model: tally.subject.name,
                    .figures([try figure($0, tally.subject, number: number, path: picture.path)]))
            }
        }
        if !entries.isEmpty { shown.append(PageBlock(heading: picture.path, entries: entries)) }
    }

    /// The class's probability at every patch, over the picture.
    private func figure(
        _ shown: PatchAnswers.Shown, _ subject: ReportSubject, number: Int, path: String
    ) throws -> PageFigure {
        var provenance = subject.provenance(version: writer.version)
        provenance.add(inputHeight: shown.picture.height, inputWidth: shown.picture.width)
        provenance["picture"] = .text(path)
        let range = shown.probability.range ?? 0...0
        return try writer.write(
            "\(ReportSection.classToken.name)-\(number)-\(subject.fileName)",
            try HeatTiles.each(
                [
                    PictureTile(caption: "picture", picture: shown.picture),
                    PictureTile(
                        caption: "\(shown.name), by patch", picture: shown.picture, map: shown.probability),
                ], columns: 2),
            text:
                "The probability of the class \(shown.name) that the classifier of \(subject.name) gives each patch "
                + "token, from \(percent(Double(range.lowerBound))) to \(percent(Double(range.upperBound)))",
            arrays: [FigureArray("probability", [shown.probability])], provenance)
    }

    func finish(_ end: SurveyEnd) throws -> [PageBlock] {
        let used = tallies.filter { $0.pictures > 0 }
        let archives = try tallies.map { try $0.finish() }
        var blocks: [PageBlock] = []
        if let count = used.first?.pictures {
            let title = "Class token and patches apart, \(count) picture\(count == 1 ? "" : "s")"
            let figure = try writer.write(
                ReportSection.classToken.name, Self.chart(used, title: title),
                text: "\(title): what is left of the class token, by the number of layers that are divided",
                arrays: nil)
            blocks.append(PageBlock(entries: [PageEntry(.figures([figure]))]))
        }
        blocks.append(PageBlock(entries: zip(tallies, archives).map(Self.entry)))
        return blocks + shown
    }

    // MARK: Curves

    static func chart(_ tallies: [ClassTokenTally], title: String) -> ChartFigure {
        /// A line a model, in the color of its place.
        func lines(
            suffix: String = "", alpha: Double = 1, scale: Double = 1, _ values: (ClassTokenTally) -> [Mean]
        ) -> [ChartSeries] {
            tallies.enumerated().map { index, tally in
                var color = ChartSeries.color(index)
                color.alpha = alpha
                return ChartSeries(
                    name: tally.subject.name + suffix, color: color, lineWidth: 2.4,
                    points: values(tally).enumerated().map { (x: Double($0), y: scale * $1.value) })
            }.filter { $0.points.contains { $0.y.isFinite } }
        }
        var charts: [Chart] = []
        // Of models without known classes there is none.
        let accuracy =
            lines(suffix: ", top-1", scale: 100, \.top1)
            + lines(suffix: ", top-5", alpha: 0.45, scale: 100, \.top5)
        if !accuracy.isEmpty {
            charts.append(
                Chart(
                    title: "Accuracy", yLabel: "per cent of pictures", series: accuracy, yLimits: (-2, 102)))
        }
        charts.append(
            Chart(
                title: "Class token at the end, compared with the undivided run", yLabel: "cosine",
                series: lines(\.cosine)))
        charts.append(
            Chart(
                title: "Class attention of the last layer, compared with the undivided run",
                yLabel: "correlation", series: lines(\.correlation)))
        let depth = tallies.map(\.cosine.count).max() ?? 1
        return ChartFigure(
            title: title, xLabel: "layers that are divided, from the first on", charts: charts,
            width: HeatTiles.maximumWidth, chartHeight: 300, xTickCount: min(depth + 1, 32))
    }

    // MARK: Numbers

    private static func entry(_ tally: ClassTokenTally, archive: String) -> PageEntry {
        let name = tally.subject.name
        if let obstacle = tally.subject.classTokenObstacle {
            return PageEntry(model: name, .note("\(name) \(obstacle)."))
        }
        guard tally.pictures > 0 else { return PageEntry(model: name, .note("No picture was measured.")) }
        var contents: [PageEntry.Content] = [.text(finding(tally), arrays: archive), .table(steps(tally))]
        let patches = patches(tally)
        if !patches.rows.isEmpty { contents.append(.table(patches)) }
        if tally.passesOverPatches {
            contents.append(
                .note(
                    "The classifier of \(name) reads more than one token, and so says nothing of single patches."
                ))
        }
        return PageEntry(model: name, contents)
    }

    private static func finding(_ tally: ClassTokenTally) -> String {
        let last = tally.cosine.count - 2
        let half = (last + 1) / 2
        func layers(_ count: Int) -> String { "\(count) layer\(count == 1 ? "" : "s")" }
        func pair(_ means: [Mean]) -> String {
            "\(decimal(means[half].value)) with \(layers(half)) divided and \(decimal(means[last].value)) with "
                + "\(layers(last))"
        }
        var text = "\(tally.subject.name): "
        if tally.knowsClasses {
            text +=
                "top-1 is \(percent(tally.top1[half].value)) with \(layers(half)) divided and "
                + "\(percent(tally.top1[last].value)) with all but the last, where it is "
                + "\(percent(tally.top1[0].value)) undivided. "
        }
        return text
            + "\(tally.knowsClasses ? "The" : "the") class token's cosine with the undivided run's is "
            + "\(pair(tally.cosine)); the correlation of the last layer's attention is \(pair(tally.correlation))."
    }

    private static func steps(_ tally: ClassTokenTally) -> PageTable {
        let head =
            ["Layers divided"] + (tally.knowsClasses ? ["top-1", "top-5"] : []) + ["Cosine", "Correlation"]
        return PageTable(
            head: head,
            rows: tally.cosine.indices.map { step in
                ["\(step)"]
                    + (tally.knowsClasses
                        ? [percent(tally.top1[step].value), percent(tally.top5[step].value)] : [])
                    + [decimal(tally.cosine[step].value), decimal(tally.correlation[step].value)]
            })
    }

    /// As the paper's Table 1; without known classes how often patches agree with the model's own answer.
    private static func patches(_ tally: ClassTokenTally) -> PageTable {
        var rows: [[String]] = []
        if tally.knowsClasses {
            for (name, step) in [
                ("class token", 0), ("class token, isolated up to the last layer", tally.cosine.count - 2),
            ] {
                rows.append([name, percent(tally.top1[step].value), percent(tally.top5[step].value)])
            }
        }
        if tally.patches.top1.count > 0 {
            rows.append(
                [
                    "patches, average", percent(tally.patches.top1.value),
                    percent(tally.patches.top5.value),
                ])
            if let (top1, top5) = tally.patches.byPosition {
                rows.append(
                    [
                        "patches, the best position", percent(Double(top1.values.max() ?? 0)),
                        percent(Double(top5.values.max() ?? 0)),
                    ])
            }
        }
        return PageTable(
            head: [
                tally.knowsClasses ? "Classifier on" : "Agreement with the class token's answer", "top-1",
                "top-5",
            ],
            rows: rows)
    }
}
