import Base
import Glibc
import Methods
import Pipeline
import Probing
import Rendering
import ViT
import VideoIO

/// What a run computes and shows, worked out from the options: which models are loaded, which recordings are
/// opened, and what the panels are.
struct AnnotationPlan {
    /// Each model once, however many panels show it, in the order of the panels.
    private(set) var sources: [any MapSource] = []
    private(set) var recordings: [Recording] = []
    /// Nil for one view of one model at the frame's own size.
    private(set) var panels: [Panel]?
    /// Of each source, where the scale is that of the clip.
    var limits: [MapLimits] = []
    private let view: View
    private let threshold: Double
    private let makeSource: MakeSource

    /// By the identity of its model, each source's place.
    private var sourceIndices: [ModelIdentity: Int] = [:]
    private var recordingIndices: [String: Int] = [:]

    /// Looks at a loaded model by the method that was asked for.
    ///
    /// - Parameter name: what to call it.
    typealias MakeSource = (_ model: LoadedModel, _ name: String, _ isMain: Bool) throws -> any MapSource

    /// Loads models and opens recordings.
    ///
    /// - Parameters:
    ///   - needsMaps: whether something else than the panels wants maps (an export, statistics).
    ///   - needsMasks: whether masks are written, of one model.
    ///   - codecThreads: threads that decode each recording.
    /// - Throws: `VitvideoError`, and what `makeSource` does.
    init(
        comparison: ComparisonOptions, model: ModelOptions, view: ViewOptions, method: Method,
        needsMaps: Bool, needsMasks: Bool, codecThreads: Int,
        onWarning: @escaping @Sendable (MediaWarning) -> Void,
        makeSource: @escaping MakeSource
    ) throws {
        self.makeSource = makeSource
        self.view = view.view ?? .heads
        threshold = view.threshold
        if needsMasks { try method.checkMasks() }
        guard comparison.isWanted else {
            try method.check(self.view)
            try model.checkDefinitions(areAmong: [model.identity(of: nil)])
            try addSource(model.identity(of: nil), model, isAlone: true)
            return
        }
        let specifications = try Self.specifications(comparison, model, view, method)
        for case .view(let view, _) in specifications { try method.check(view) }
        var identities = Self.models(in: specifications, model)
        if (needsMaps || needsMasks) && identities.isEmpty { identities = [model.identity(of: nil)] }
        let different = Set(identities).count
        guard !needsMasks || different == 1 else {
            throw VitvideoError(
                .usage, reason: "--masks and --coco are of one model, and here are \(different)",
                nextStep: .advice("write the masks of each in a run of its own, with --model"))
        }
        try model.checkDefinitions(areAmong: identities)
        for case .video(let path) in specifications where recordingIndices[path] == nil {
            recordingIndices[path] = recordings.count
            let name = FileName.shown(path.pathStem)
            recordings.append(
                try Recording(path: path, name: unused(name), threads: codecThreads, onWarning: onWarning))
        }
        for identity in identities { try addSource(identity, model, isAlone: false) }
        panels = specifications.map { panel(for: $0, among: specifications, model) }
    }

    /// The models that the options ask for.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    static func models(
        comparison: ComparisonOptions, model: ModelOptions, view: ViewOptions, method: Method
    ) throws -> [ModelIdentity] {
        guard comparison.isWanted else { return [model.identity(of: nil)] }
        return models(in: try specifications(comparison, model, view, method), model)
    }

    private static func specifications(
        _ comparison: ComparisonOptions, _ model: ModelOptions, _ view: ViewOptions, _ method: Method
    ) throws -> [PanelSpecification] {
        try comparison.specifications(view: view.view ?? method.comparisonView, model: model)
    }

    private static func models(in specifications: [PanelSpecification], _ model: ModelOptions)
        -> [ModelIdentity]
    {
        specifications.compactMap { specification in
            if case .view(_, let name) = specification { model.identity(of: name) } else { nil }
        }
    }

    /// Checks that frames of this size can be looked at by the method.
    ///
    /// - Parameters:
    ///   - sources: that look at each of them.
    ///   - reuses: whether they take over from one another.
    /// - Throws: as `MapSource.prepare`.
    static func prepare(
        _ sources: [any MapSource], frameHeight: Int, frameWidth: Int, workers: Int, reuses: Bool = false,
        budget: Int?
    ) throws {
        let frames =
            AnnotationJob.mostFramesUnderWay(workers: workers, reuses: reuses) * frameHeight * frameWidth * 3
        var availableBytes = (budget ?? Allocation.current.availableBytes()).map { max(0, $0 - frames) }
        for source in sources {
            try source.prepare(
                height: frameHeight, width: frameWidth, workers: workers, availableBytes: &availableBytes)
            if reuses, let source = source as? any ReusingMapSource {
                try source.prepareReuse(
                    height: frameHeight, width: frameWidth, workers: workers, availableBytes: &availableBytes)
            }
        }
    }

    /// Looks at some of the clip's frames for the limits of the maps.
    ///
    /// - Parameters:
    ///   - scale: one of the clip's.
    ///   - threads: that share a frame.
    /// - Throws: `VitvideoError`.
    mutating func measureLimits(_ sampler: any SampledInput, for scale: HeatScale, threads: Int) throws {
        limits = try sources.map {
            try MapLimits.measured(of: $0, for: scale, threads: threads, forEachFrame: sampler.forEachFrame)
        }
    }

    /// - Throws: `VitvideoError.inputTooSmall`.
    func analysis(readsRecordings: Bool, frameHeight: Int, frameWidth: Int) throws -> Analysis {
        var analysis = analysis
        if readsRecordings, let first = sources.first {
            analysis.recordingGrid = try first.layout(height: frameHeight, width: frameWidth)
        }
        return analysis
    }

    /// The same without recordings.
    var analysis: Analysis {
        let shown = panels.map { $0.compactMap(\.view) } ?? [view]
        return Analysis(sources: sources, maskMass: shown.contains(.mask) ? threshold : nil)
    }

    /// - Throws: `VitvideoError.inputTooSmall`.
    func renderer(style: HeatStyle, frameHeight: Int, frameWidth: Int) throws -> any FrameRenderer {
        if let panels {
            return try PanelRenderer(
                panels: panels, sources: sources, style: style, limits: limits,
                frameHeight: frameHeight, frameWidth: frameWidth)
        }
        return try SingleViewRenderer(
            view: view, source: sources[0], style: style, limits: limits.first, frameHeight: frameHeight,
            frameWidth: frameWidth)
    }

    /// The share of a map that masks keep, and the source that masks are written of.
    var masked: (source: any MapSource, mass: Double) { (sources[0], threshold) }

    /// Says why a model does not compute as it best could, and what was taken for granted about each.
    func printNotices() {
        for notice in Set(sources.compactMap(\.notice)).sorted() {
            StandardError.line("vitvideo: note: \(notice)")
        }
        for source in sources { ModelNotices.print(source.subject.notices, as: source.name) }
    }

    /// What statistics are made of, in the order that frames have them.
    var subjects: [StatisticsSubject] {
        sources.map { StatisticsSubject($0) } + recordings.map { StatisticsSubject($0) }
    }

    /// - Parameter isAlone: whether the model keeps its own name; beside others it has the name it was asked
    ///   for by, made different from theirs.
    private mutating func addSource(
        _ identity: ModelIdentity, _ model: ModelOptions, isAlone: Bool
    ) throws {
        guard sourceIndices[identity] == nil else { return }
        let loaded = try model.loadAny(identity)
        let name = isAlone ? loaded.name : unused(identity.shortName)
        sourceIndices[identity] = sources.count
        sources.append(try makeSource(loaded, name, identity == model.identity(of: nil)))
    }

    /// The name, or with a number after it where another model or recording has it.
    private func unused(_ name: String) -> String {
        let taken = Set(sources.map(\.name) + recordings.map(\.name))
        var (candidate, number) = (name, 2)
        while taken.contains(candidate) { (candidate, number) = ("\(name)-\(number)", number + 1) }
        return candidate
    }

    private func panel(
        for specification: PanelSpecification, among all: [PanelSpecification], _ model: ModelOptions
    ) -> Panel {
        switch specification {
        case .original:
            return Panel(.original, caption: "original")
        case .video(let path):
            let index = recordingIndices[path] ?? 0
            return Panel(.recording(index), caption: recordings[index].name)
        case .view(let view, let name):
            let identity = model.identity(of: name)
            let index = sourceIndices[identity] ?? 0
            let panelsOfModel = all.count { other in
                if case .view(_, let name) = other { model.identity(of: name) == identity } else { false }
            }
            // An alias says more than the name it stands for.
            let known = identity.isFile ? sources[index].name : name ?? model.name
            let (method, standard) = (sources[index].method, MethodRegistry.standard.standardMethod)
            return Panel(
                .view(view, source: index),
                caption: known + (method.name == standard.name ? "" : " · \(method.title)")
                    + (panelsOfModel > 1 ? " · \(view.rawValue)" : ""))
        }
    }
}

extension Panel {
    /// The view of a model's maps; nil for other panels.
    fileprivate var view: View? {
        if case .view(let view, _) = content { view } else { nil }
    }
}
