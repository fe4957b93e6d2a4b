import Base
import Files
import Methods
import Pipeline
import Pixels
import Probing
import ViT
import VideoIO

/// Looks at frames by models: what was found is kept for a while, and all clients share the workers.
package final class FrameLooker: Sendable {
    /// What is kept of frames.
    private enum Kept: Sendable {
        case record(any FrameRecord)
        case picture(VideoFrame)
        case maps(MethodMaps)
    }

    /// Passes at once, and threads that share one.
    let workers: Int
    let threads: Int
    private let queue: PassQueue
    private let kept: Mutex<RecentValues<String, Kept>>
    private let budgetBytes: Int
    private let allowsHugeFrames: Bool
    private let counted = Mutex(0)

    /// - Parameters:
    ///   - workers: passes at once.
    ///   - threads: that share a pass.
    ///   - budgetBytes: of what is kept of frames.
    ///   - allowsHugeFrames: whether frames of very many patches are looked at.
    package init(workers: Int, threads: Int, budgetBytes: Int, allowsHugeFrames: Bool) {
        (self.workers, self.threads) = (workers, threads)
        queue = PassQueue(workers: workers, threads: threads)
        kept = Mutex(RecentValues(budgetBytes: budgetBytes))
        self.budgetBytes = budgetBytes
        self.allowsHugeFrames = allowsHugeFrames
    }

    /// Ends what is under way.
    package func stop() { queue.stop() }

    /// Bytes kept, forward passes made so far, and tasks that wait or run.
    var state: (bytes: Int, passes: Int, tasks: Int) {
        (kept.withLock { $0.bytes }, counted.withLock { $0 }, queue.count)
    }

    func progress(of session: String) -> (running: Double?, waiting: Int) { queue.progress(of: session) }

    // MARK: Frames

    /// - Throws: as `FrameSource.frame`.
    func picture(_ item: MediaItem, _ index: Int) throws -> VideoFrame {
        let key = "picture \(item.id) \(item.stamp) \(index)"
        if case .picture(let frame)? = kept.withLock({ $0.value(key) }) { return frame }
        let frame = try item.frames.frame(at: index)
        kept.withLock { $0.insert(.picture(frame), for: key, bytes: frame.image.bytes.count) }
        return frame
    }

    /// What one pass over a frame leaves; the pass is made where it is not kept.
    ///
    /// - Throws: `VitvideoError`, `HTTPProblem`, `Cancellation.Cancelled` where the client hangs up.
    func record(_ item: MediaItem, _ index: Int, _ model: any ServedModel, for client: PassClient) throws
        -> any FrameRecord
    {
        let key = Self.key(item, index, model)
        if case .record(let record)? = kept.withLock({ $0.value(key) }) { return record }
        let frame = try picture(item, index)
        return try queue.value(key, for: client) { [self] tools, progress in
            let record = try look(
                at: frame.image, seconds: frame.time.seconds, model, tools, progress: progress)
            kept.withLock { $0.insert(.record(record), for: key, bytes: record.bytes) }
            return record
        }
    }

    /// What one pass over a picture of the moment leaves; nothing is kept.
    ///
    /// - Parameter key: names the picture.
    /// - Throws: as `record`.
    func passingRecord(of image: RGBImage, key: String, _ model: any ServedModel, for client: PassClient)
        throws
        -> any FrameRecord
    {
        try queue.value("live \(key)", for: client) { [self] tools, progress in
            try look(at: image, seconds: 0, model, tools, progress: progress)
        }
    }

    /// The entropy of a frame's attention in nats, without keeping the frame.
    ///
    /// - Throws: as `record`.
    func entropyNats(_ item: MediaItem, _ index: Int, _ model: any ServedModel, for client: PassClient) throws
        -> Double
    {
        let key = Self.key(item, index, model)
        if case .record(let record)? = kept.withLock({ $0.value(key) }) { return record.entropyNats }
        let frame = try item.frames.frame(at: index)
        return try queue.value("entropy \(key)", for: client) { [self] tools, progress in
            try look(at: frame.image, seconds: 0, model, tools, progress: progress).entropyNats
        }
    }

    /// Names what one pass over a frame leaves.
    private static func key(_ item: MediaItem, _ index: Int, _ model: any ServedModel) -> String {
        "record \(item.id) \(item.stamp) \(index) \(model.name)"
    }

    private func look(
        at image: RGBImage, seconds: Double, _ model: any ServedModel, _ tools: PassTools,
        progress: @escaping (Double) -> Void
    ) throws -> any FrameRecord {
        try model.check(image, budgetBytes: budgetBytes, allowsHuge: allowsHugeFrames)
        counted.withLock { $0 += 1 }
        return try tools.recorder(of: model)(image, seconds, progress)
    }

    // MARK: Methods

    /// The maps of any method, by a pass of its own.
    ///
    /// - Throws: as `record`.
    func maps(
        _ item: MediaItem, _ index: Int, _ model: any ServedModel, _ chosen: ChosenMethod,
        for client: PassClient
    ) throws -> MethodMaps {
        let key = "maps \(item.id) \(item.stamp) \(index) \(model.name) \(chosen.identity)"
        if case .maps(let maps)? = kept.withLock({ $0.value(key) }) { return maps }
        let frame = try picture(item, index)
        return try queue.value(key, for: client) { [self] tools, progress in
            try model.check(frame.image, budgetBytes: budgetBytes, allowsHuge: allowsHugeFrames)
            let source = try model.source(chosen, of: frame.image, threads: tools.threads) { [self] place in
                guard case .frame(let index) = place else {
                    throw HTTPProblem(.unprocessable, "no file is opened by its path")
                }
                return try picture(item, index).image
            }
            var available = Allocation.current.availableBytes()
            try source.prepare(
                height: frame.image.height, width: frame.image.width, workers: 1, availableBytes: &available)
            progress(0.5)
            counted.withLock { $0 += 1 }
            let found = try source.makeExtractor(threads: tools.threads)(frame.image)
            let maps = MethodMaps(
                try model.shown([found.fused] + found.parts, of: frame.image), lines: found.shownLines,
                of: source)
            kept.withLock { $0.insert(.maps(maps), for: key, bytes: maps.bytes) }
            return maps
        }
    }
}

/// The maps of one frame by one method, and what they are called.
struct MethodMaps: Sendable {
    /// The fused map first, `rows × columns` each.
    let planes: [Plane]
    let description: JSONValue

    /// - Parameter lines: what is written on the picture.
    init(_ planes: [Plane], lines: [String], of source: any MapSource) {
        self.planes = planes
        description = .object([
            .init("names", .array(([source.fusedName] + source.partNames).map(JSONValue.string))),
            .init("shows_fused", .bool(source.showsFused)),
            .init("appearance", .string(source.method.appearance == .color ? "colour" : "heat")),
            .init("summary", .string(source.summary)),
            .init("lines", .array(lines.map(JSONValue.string))),
        ])
    }

    var bytes: Int { planes.reduce(0) { $0 + $1.values.count * MemoryLayout<Float>.stride } }
}
