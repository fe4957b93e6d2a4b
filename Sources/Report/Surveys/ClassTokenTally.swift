import Methods
import NumPy
import Pixels
import ViT

/// One model's measures of all pictures.
///
/// The archive holds by picture and number of divided layers `cosine` and `correlation` float64, and `rank` int64 of
/// the picture's class (−1 where that is not known), all [pictures, layers + 1]; `patch_top1` and `patch_top5` float32
/// [rows, cols], the share of pictures that a patch position gets right, where all pictures have one grid.
final class ClassTokenTally {
    let subject: ReportSubject
    private(set) var pictures = 0
    /// By number of divided blocks.
    private(set) var cosine: [Mean]
    private(set) var correlation: [Mean]
    private(set) var top1: [Mean]
    private(set) var top5: [Mean]
    private(set) var patches = PatchAccuracy()
    /// Whether what pictures show is known, or else the model's own answer stands for it.
    let knowsClasses: Bool
    /// Whether there is a classifier that says nothing of single patches, for it reads more than one token.
    let passesOverPatches: Bool
    private let archive: NPZWriter
    private let arrays: (cosine: NPZArrayWriter, correlation: NPZArrayWriter, rank: NPZArrayWriter?)
    private let writer: FigureWriter

    init(_ plan: SurveyPlan, index: Int, _ writer: FigureWriter) throws {
        subject = plan.subjects[index]
        self.writer = writer
        knowsClasses = plan.truths[index] != nil
        passesOverPatches =
            try subject.classification.map { [model = subject.model] in
                try PatchClassifier($0.classifier, of: model) == nil
            } ?? false
        let steps = subject.model.configuration.depth + 1
        cosine = [Mean](repeating: Mean(), count: steps)
        (correlation, top1, top5) = (cosine, cosine, cosine)
        let archive = try writer.begin(Self.name(subject))
        self.archive = archive
        func array(_ name: String, _ element: ElementType) throws -> NPZArrayWriter {
            try archive.array(named: name, element: element, rowShape: [steps])
        }
        arrays = (
            try array("cosine", .float64), try array("correlation", .float64),
            knowsClasses ? try array("rank", .int64) : nil
        )
    }

    static func name(_ subject: ReportSubject) -> String {
        "\(ReportSection.classToken.name)-\(subject.fileName)"
    }

    func add(_ measure: ClassTokenMeasure) throws {
        guard !measure.cosines.isEmpty else { return }
        pictures += 1
        for step in cosine.indices {
            cosine[step].add(measure.cosines[step])
            correlation[step].add(measure.correlations[step])
            guard !measure.ranks.isEmpty else { continue }
            top1[step].add(measure.ranks[step] < 1 ? 1 : 0)
            top5[step].add(measure.ranks[step] < 5 ? 1 : 0)
        }
        if let answers = measure.patches, !knowsClasses || !measure.ranks.isEmpty { patches.add(answers) }
        try arrays.cosine.append(measure.cosines)
        try arrays.correlation.append(measure.correlations)
        let ranks = measure.ranks.isEmpty ? cosine.map { _ in -1 } : measure.ranks
        try arrays.rank?.append(ranks.map { Int64($0) })
    }

    /// - Returns: the archive, relative to the page.
    func finish() throws -> String {
        if let (top1, top5) = patches.byPosition {
            for (name, map) in [("patch_top1", top1), ("patch_top5", top5)] {
                try archive.add(name, shape: [map.height, map.width], map.values)
            }
        }
        try archive.add("meta", text: try subject.provenance(version: writer.version).json())
        try archive.finish()
        return FigureWriter.archive(Self.name(subject))
    }
}

/// How often the classifier is right on a patch token, by the patch's place.
struct PatchAccuracy: Sendable {
    /// Over pictures and patches.
    private(set) var top1 = Mean()
    private(set) var top5 = Mean()
    private var grid: (rows: Int, columns: Int)?
    private var hasOneGrid = true
    private var pictures = 0
    private var hits: (top1: [Int], top5: [Int]) = ([], [])

    mutating func add(_ answers: PatchAnswers) {
        let patches = Double(answers.ranks.count)
        top1.add(Double(answers.ranks.count { $0 < 1 }) / patches)
        top5.add(Double(answers.ranks.count { $0 < 5 }) / patches)
        if let grid, grid != (answers.rows, answers.columns) { hasOneGrid = false }
        guard hasOneGrid else { return }
        if grid == nil {
            grid = (answers.rows, answers.columns)
            hits.top1 = [Int](repeating: 0, count: answers.ranks.count)
            hits.top5 = hits.top1
        }
        for (patch, rank) in answers.ranks.enumerated() {
            if rank < 1 { hits.top1[patch] += 1 }
            if rank < 5 { hits.top5[patch] += 1 }
        }
        pictures += 1
    }

    /// By place the share of pictures, nil where the pictures have several grids and where there are none.
    var byPosition: (top1: Plane, top5: Plane)? {
        guard hasOneGrid, let grid else { return nil }
        func plane(_ hits: [Int]) -> Plane {
            Plane(
                height: grid.rows, width: grid.columns, values: hits.map { Float($0) / Float(pictures) })
        }
        return (plane(hits.top1), plane(hits.top5))
    }
}
