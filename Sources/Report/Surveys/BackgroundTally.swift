import Methods
import NumPy
import ViT

/// One model's measures of all pictures with a box.
///
/// The archive holds, for whole, foreground and background, `cosine` float64 and `rank` int64 of the picture's class
/// (only where classes are known), both [pictures, 3], and `picture` int64 [pictures], the line in `pictures.txt` that
/// a row is of, from 0.
final class BackgroundTally {
    let subject: ReportSubject
    private(set) var pictures = 0
    /// By `PictureForm`.
    private(set) var cosine = [Mean](repeating: Mean(), count: PictureForm.allCases.count)
    private(set) var top1 = [Mean](repeating: Mean(), count: PictureForm.allCases.count)
    private(set) var top5 = [Mean](repeating: Mean(), count: PictureForm.allCases.count)
    private(set) var range = [(low: Double, high: Double)](
        repeating: (1, -1), count: PictureForm.allCases.count)
    let knowsClasses: Bool
    private let archive: NPZWriter
    private let arrays: (picture: NPZArrayWriter, cosine: NPZArrayWriter, rank: NPZArrayWriter?)
    private let writer: FigureWriter

    init(_ plan: SurveyPlan, index: Int, _ writer: FigureWriter) throws {
        subject = plan.subjects[index]
        self.writer = writer
        knowsClasses = plan.truths[index] != nil
        let archive = try writer.begin(Self.name(subject))
        self.archive = archive
        let forms = PictureForm.allCases.count
        arrays = (
            try archive.array(named: "picture", element: .int64, rowShape: []),
            try archive.array(named: "cosine", element: .float64, rowShape: [forms]),
            knowsClasses ? try archive.array(named: "rank", element: .int64, rowShape: [forms]) : nil
        )
    }

    static func name(_ subject: ReportSubject) -> String {
        "\(ReportSection.background.name)-\(subject.fileName)"
    }

    /// - Parameter index: the picture's place among all that are used.
    func add(_ measure: BackgroundMeasure, index: Int) throws {
        guard !measure.cosines.isEmpty else { return }
        pictures += 1
        for form in measure.cosines.indices {
            let value = measure.cosines[form]
            cosine[form].add(value)
            if value.isFinite {
                range[form] = (min(range[form].low, value), max(range[form].high, value))
            }
            guard !measure.ranks.isEmpty else { continue }
            top1[form].add(measure.ranks[form] < 1 ? 1 : 0)
            top5[form].add(measure.ranks[form] < 5 ? 1 : 0)
        }
        try arrays.picture.append([Int64(index)])
        try arrays.cosine.append(measure.cosines)
        try arrays.rank?.append(measure.ranks.map { Int64($0) })
    }

    /// - Returns: the archive, relative to the page.
    func finish() throws -> String {
        try archive.add("meta", text: try subject.provenance(version: writer.version).json())
        try archive.finish()
        return FigureWriter.archive(Self.name(subject))
    }
}
