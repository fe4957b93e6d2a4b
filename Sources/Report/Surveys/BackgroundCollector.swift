import Methods
import Rendering
import ViT

/// Draws what models make of the forms of pictures: a table a model, and the shown pictures with their maps.
final class BackgroundCollector: SurveyCollector {
    private let tallies: [BackgroundTally]
    private let boxes: PictureBoxes?
    private let writer: FigureWriter
    private var shown: [PageBlock] = []
    private var pictures = 0

    init(_ tallies: [BackgroundTally], _ boxes: PictureBoxes?, _ writer: FigureWriter) {
        self.tallies = tallies
        self.boxes = boxes
        self.writer = writer
    }

    func add(_ measures: [BackgroundMeasure], of picture: CollectedPicture) throws {
        for (tally, measure) in zip(tallies, measures) { try tally.add(measure, index: pictures) }
        pictures += 1
        guard let number = picture.shownNumber else { return }
        let entries = try zip(tallies, measures).compactMap { tally, measure -> PageEntry? in
            guard !measure.shown.isEmpty else { return nil }
            return PageEntry(
                model: tally.subject.name,
                .figures([try figure(measure, tally.subject, number: number, path: picture.path)]))
        }
        if !entries.isEmpty { shown.append(PageBlock(heading: picture.path, entries: entries)) }
    }

    /// The three forms, and below each the attention on it.
    private func figure(
        _ measure: BackgroundMeasure, _ subject: ReportSubject, number: Int, path: String
    ) throws -> PageFigure {
        var provenance = subject.provenance(version: writer.version)
        if let first = measure.shown.first?.picture {
            provenance.add(inputHeight: first.height, inputWidth: first.width)
        }
        provenance["picture"] = .text(path)
        let forms = zip(PictureForm.allCases, measure.shown)
        let pictures = forms.map { PictureTile(caption: $0.name, picture: $1.picture) }
        let maps = forms.map { form, shown in
            PictureTile(caption: "\(form.name), attention", picture: shown.picture, map: shown.map)
        }
        func cosine(_ form: PictureForm) -> String { decimal(measure.cosines[form.rawValue]) }
        func rank(_ form: PictureForm) -> String { "\(measure.ranks[form.rawValue] + 1)" }
        var text =
            "The picture as \(subject.name) is given it whole, the foreground alone and the background alone, and what "
            + "its class token attends to in the last layer, mean over heads. The class token's cosine with the whole "
            + "picture's is \(cosine(.foreground)) for the foreground and \(cosine(.background)) for the background"
        if !measure.ranks.isEmpty {
            text +=
                ". The picture's class is in place \(rank(.whole)) for the whole, \(rank(.foreground)) for the "
                + "foreground, \(rank(.background)) for the background"
        }
        return try writer.write(
            "\(ReportSection.background.name)-\(number)-\(subject.fileName)",
            try HeatTiles.each(pictures + maps, columns: PictureForm.allCases.count), text: text,
            arrays: [FigureArray("attention", measure.shown.map(\.map))], provenance)
    }

    func finish(_ end: SurveyEnd) throws -> [PageBlock] {
        let entries = try tallies.map { tally in
            let archive = try tally.finish()
            if let obstacle = tally.subject.classTokenObstacle {
                return PageEntry(model: tally.subject.name, .note("\(tally.subject.name) \(obstacle)."))
            }
            return PageEntry(
                model: tally.subject.name, .text(finding(tally), arrays: archive), .table(Self.table(tally)))
        }
        let notices = (boxes?.notices ?? []).map { PageEntry.Content.note(Self.sentence($0)) }
        let told = notices.isEmpty ? [] : [PageBlock(entries: [PageEntry(model: nil, notices)])]
        return [PageBlock(entries: entries)] + told + shown
    }

    /// A notice as a sentence.
    private static func sentence(_ notice: String) -> String {
        notice.prefix(1).uppercased() + notice.dropFirst() + "."
    }

    private func finding(_ tally: BackgroundTally) -> String {
        let name = tally.subject.name
        guard tally.pictures > 0 else { return "\(name): no picture with a box was measured." }
        let counted = "\(tally.pictures) of \(pictures) picture\(pictures == 1 ? "" : "s") with a box"
        func cosine(_ form: PictureForm) -> String { decimal(tally.cosine[form.rawValue].value) }
        guard tally.knowsClasses else {
            let order =
                tally.cosine[PictureForm.foreground.rawValue].value
                >= tally.cosine[PictureForm.background.rawValue].value
            return "\(name), \(counted): the class token's cosine with the whole picture's is "
                + "\(cosine(.foreground)) on average for the foreground alone and \(cosine(.background)) for the "
                + "background alone; the \(order ? "foreground" : "background") comes closer."
        }
        func kept(_ form: PictureForm) -> String { percent(Self.kept(tally.top5, form)) }
        return "\(name), \(counted): of the whole pictures' top-5 accuracy of "
            + "\(percent(tally.top5[PictureForm.whole.rawValue].value)) the foreground alone keeps "
            + "\(kept(.foreground)) and the background alone \(kept(.background))."
    }

    /// A form's accuracy as a share of the whole's.
    static func kept(_ accuracy: [Mean], _ form: PictureForm) -> Double {
        let whole = accuracy[PictureForm.whole.rawValue].value
        return whole > 0 ? accuracy[form.rawValue].value / whole : .nan
    }

    static func table(_ tally: BackgroundTally) -> PageTable {
        let forms = PictureForm.allCases
        guard tally.knowsClasses else {
            return PageTable(
                head: ["Class token's cosine with the whole's", "mean", "least", "greatest"],
                rows: forms.filter { $0 != .whole && tally.pictures > 0 }.map { form in
                    let range = tally.range[form.rawValue]
                    return [
                        form.name, decimal(tally.cosine[form.rawValue].value), decimal(range.low),
                        decimal(range.high),
                    ]
                })
        }
        return PageTable(
            head: ["Picture", "top-1", "of the whole's", "top-5", "of the whole's", "Cosine with the whole"],
            rows: forms.filter { _ in tally.pictures > 0 }.map { form in
                [
                    form.name, percent(tally.top1[form.rawValue].value), percent(kept(tally.top1, form)),
                    percent(tally.top5[form.rawValue].value), percent(kept(tally.top5, form)),
                    decimal(tally.cosine[form.rawValue].value),
                ]
            })
    }
}
