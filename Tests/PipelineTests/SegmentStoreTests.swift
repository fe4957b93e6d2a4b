import Base
import Fixtures
import Foundation
import Methods
import Pixels
import Rendering
import Testing
import ViT
import VideoIO

@testable import Pipeline
@testable import Probing

/// What a resumable job keeps: its identity, its segments, and the directory they lie in.
@Suite struct SegmentStoreTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("out.mp4.resume")
    }

    private static func identity(crf: Int = 18, weights: String = "ab") throws -> JobIdentity {
        var identity = JobIdentity()
        identity.add("--crf", crf)
        identity.add("--layer", nil as Int?)
        try identity.add("the weights", hash: weights)
        return identity
    }

    private func open(_ identity: JobIdentity? = nil, segmentFrames: Int = 2) throws -> SegmentStore {
        try SegmentStore(
            path: path, job: SegmentStore.Job(identity: try identity ?? Self.identity()),
            segmentFrames: segmentFrames)
    }

    private static func numbers(_ index: Int) -> FrameNumbers {
        let plane = Plane(height: 1, width: 3, values: [Float(index), .nan, -0.0])
        return FrameNumbers(
            index: index, timeSeconds: Double(index) / 3,
            maps: [
                FrameMaps(
                    parts: [plane, plane], fused: plane,
                    prediction: FramePrediction(logits: [1, .infinity], topLabel: "Katze, große"),
                    targetClass: TargetClass(index: 7, name: "cat")),
                FrameMaps(parts: [], fused: plane),
            ], recordedMaps: [plane])
    }

    private static func packet(_ index: Int) -> VideoPacket {
        VideoPacket(
            ptsTicks: Int64(index), dtsTicks: -5, durationTicks: 1, flags: 1,
            sideData: [.init(type: 3, bytes: [9, 8])], bytes: [UInt8](repeating: UInt8(index), count: 100))
    }

    /// Writes a segment of so many frames.
    private func fill(_ number: Int, of store: SegmentStore, frames: Int = 2, isLast: Bool = false) throws {
        let file = try store.writer(of: number)
        var summary = SegmentSummary()
        for index in 0..<frames {
            try file.append(.packet(Self.packet(index)))
            try file.append(.numbers(Self.numbers(number * 2 + index)))
            summary.lastIndex = number * 2 + index
        }
        summary.frames = frames
        summary.isLast = isLast
        try file.finish(summary)
        try store.add(number, summary)
    }

    // MARK: Identity

    @Test func theFirstDifferenceIsTold() throws {
        let kept = try Self.identity()
        #expect(try Self.identity().difference(from: kept) == nil)
        let option = try #require(try Self.identity(crf: 20, weights: "cd").difference(from: kept))
        #expect(option.kind == .usage)
        #expect(option.text == "--crf was 18 and is 20")
        let content = try #require(try Self.identity(weights: "cd").difference(from: kept))
        #expect(content.kind == .badData)
        #expect(content.text == "the weights is no longer the same")
        var longer = kept
        longer.add("--head", "a.npz")
        #expect(longer.difference(from: kept)?.text.contains("--head") == true)
        #expect(kept.difference(from: longer)?.text.contains("--head") == true)
        #expect(try longer.hash != kept.hash)
    }

    @Test func filesCountByWhatTheyHold() throws {
        var identities: [JobIdentity] = []
        for (name, text) in [("a", "one"), ("b", "one"), ("a", "two")] {
            try directory.write(text.utf8, to: name)
            var identity = JobIdentity()
            try identity.add("input", contentOf: [directory.file(name)])
            identities.append(identity)
        }
        #expect(identities[0] == identities[1])
        #expect(identities[0] != identities[2])
    }

    // MARK: Segments

    @Test func recordsComeBackAsTheyWere() throws {
        let store = try open()
        try fill(0, of: store)
        let reader = try store.reader(of: 0)
        #expect(reader.summary == store.summary(0))
        var count = 0
        while let record = try reader.next() {
            switch record {
            case .packet(let packet): #expect(packet == Self.packet(count / 2))
            case .numbers(let numbers):
                let expected = Self.numbers(count / 2)
                #expect(numbers.index == expected.index && numbers.timeSeconds == expected.timeSeconds)
                #expect(SegmentRecord.numbers(numbers).bytes == SegmentRecord.numbers(expected).bytes)
                #expect(numbers.maps[0].prediction?.topLabel == "Katze, große")
                #expect(numbers.maps[0].targetClass == TargetClass(index: 7, name: "cat"))
                #expect(numbers.maps[1].prediction == nil)
            }
            count += 1
        }
        #expect(count == 4)
    }

    /// Every byte counts, wherever it is changed or missing.
    @Test func damageIsNoticed() throws {
        do {
            let store = try open()
            for number in 0..<3 { try fill(number, of: store) }
            try fill(3, of: store, frames: 1, isLast: true)
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: "\(path)/segment-000001"))
        var damaged = stride(from: 0, to: whole.count, by: 61).map { whole.prefix($0) }
        damaged += stride(from: 0, to: whole.count, by: 37).map { place in
            var bytes = whole
            bytes[place] ^= 0x10
            return bytes
        }
        damaged.append(whole + Data([0]))
        damaged.append(try Data(contentsOf: URL(fileURLWithPath: "\(path)/segment-000002")))
        for bytes in damaged {
            try directory.write(bytes, to: "out.mp4.resume/segment-000001")
            let store = try open()
            #expect(store.gaps() == [SegmentStore.Gap(first: 1, count: 1)])
            #expect(store.warnings.count == 1 && store.warnings[0].contains("segment-000001"))
            #expect(store.frames == 5)
        }
    }

    @Test func aFullSegmentIsAsLongAsAllOthers() throws {
        do {
            let store = try open()
            try fill(0, of: store)
            try fill(1, of: store, frames: 1)
        }
        #expect(try open().gaps() == [SegmentStore.Gap(first: 1, count: nil)])
    }

    // MARK: The directory

    @Test func gapsAreWhatIsMissing() throws {
        let store = try open()
        #expect(store.gaps() == [SegmentStore.Gap(first: 0, count: nil)])
        try fill(1, of: store)
        try fill(4, of: store)
        #expect(
            store.gaps() == [
                SegmentStore.Gap(first: 0, count: 1), SegmentStore.Gap(first: 2, count: 2),
                SegmentStore.Gap(first: 5, count: nil),
            ])
        try fill(5, of: store, frames: 0, isLast: true)
        #expect(store.gaps().map(\.first) == [0, 2])
    }

    @Test func onlyOneRunAtATime() throws {
        let store = try open()
        try fill(0, of: store)
        #expect(throws: VitvideoError.self) { try open() }
        withExtendedLifetime(store) {}
        #expect(try directory.contents == ["out.mp4.resume"])
    }

    @Test func anotherJobIsRefusedAndLeftAlone() throws {
        do { try fill(0, of: try open()) }
        let before = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        let error = #expect(throws: VitvideoError.self) { try open(try Self.identity(crf: 20)) }
        #expect(error?.kind == .usage)
        #expect(error?.description.contains("--crf was 18 and is 20") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == before)
        #expect(try open().frames == 2)
    }

    @Test func aForeignDirectoryIsLeftAlone() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try directory.write([], to: "out.mp4.resume/letter.txt")
        #expect(throws: VitvideoError.self) { try open() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["letter.txt"])
    }

    /// A job of which nothing is finished binds nobody, and leaves nothing behind.
    @Test func withoutASegmentThereIsNoJob() throws {
        do { withExtendedLifetime(try open()) {} }
        #expect(try directory.contents == [])
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in [("job.json", "{"), (".vitvideo-1-dead.tmp", "cut"), ("joining", "")] {
            try directory.write(text.utf8, to: "out.mp4.resume/\(name)")
        }
        #expect(SegmentStore.job(at: path) == nil)
        let store = try open(try Self.identity(crf: 30))
        #expect(!store.isJoining)
        try fill(0, of: store)
        #expect(SegmentStore.job(at: path)?.identity == (try Self.identity(crf: 30)))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
                "job.json", "segment-000000",
            ])
    }

    // MARK: Shares

    private func share(_ identity: JobIdentity? = nil, limits: [MapLimits] = []) throws -> SegmentStore {
        try SegmentStore(
            path: path, job: SegmentStore.Job(identity: try identity ?? Self.identity(), limits: limits),
            segmentFrames: 2, isShare: true)
    }

    @Test func sharesAreEqualAndFollowOneAnother() throws {
        for (frames, count) in [(2000, 16), (2000, 1), (1, 3), (4096, 7), (129, 2), (0, 2)] {
            let ranges = try (1...count).map {
                try #require(JobShare(number: $0, count: count)).segments(
                    ofFrames: frames, segmentFrames: 128)
            }
            let segments = max(1, (frames + 127) / 128)
            #expect(ranges[0].first == 0 && ranges[count - 1].end == nil)
            for (one, next) in zip(ranges, ranges.dropFirst()) { #expect(one.end == next.first) }
            let lengths = ranges.map { ($0.end ?? segments) - $0.first }
            #expect(lengths.reduce(0, +) == segments)
            #expect(lengths.max()! - lengths.min()! <= 1, "\(lengths)")
        }
        #expect(JobShare(number: 0, count: 3) == nil && JobShare(number: 4, count: 3) == nil)
    }

    /// Whoever comes first has found out what all go on with.
    @Test func sharesHaveOneJobAndOnePlan() throws {
        var limits = MapLimits()
        limits.add(parts: [], fused: Plane(height: 1, width: 2, values: [0.1, 1 / 3]))
        let first = try share(limits: [limits])
        let second = try share()
        #expect(first.isNew && !second.isNew)
        #expect(second.job.limits == [limits])
        let outline = SelectionOutline(
            frames: 7, firstIndex: 3, step: 2, startTicks: -5,
            index: FrameIndex(
                pts: (0..<20).map { $0 * 40 },
                entryPoints: [.init(pts: 0, dts: nil, byteCount: 9), .init(pts: 400, dts: 320, byteCount: 8)])
        )
        #expect(try first.outline { outline } == outline)
        #expect(try second.outline { SelectionOutline(frames: 1, firstIndex: 0, step: 1) } == outline)
        #expect(SegmentStore.outline(at: path) == outline)
        // A damaged plan is made anew.
        let whole = try Data(contentsOf: URL(fileURLWithPath: "\(path)/plan"))
        for place in stride(from: 0, to: whole.count, by: 17) {
            var bytes = whole
            bytes[place] ^= 0x10
            try directory.write(bytes, to: "out.mp4.resume/plan")
            #expect(SegmentStore.outline(at: path) == nil)
            try directory.write(whole.prefix(place), to: "out.mp4.resume/plan")
            #expect(try second.outline { outline } == outline)
        }
        withExtendedLifetime(first) {}
    }

    /// A share looks at its own segments, and gives way to nobody but the one that has joined the job.
    @Test func aShareSeesItsOwnSegments() throws {
        let first = try share()
        try fill(0, of: first)
        let second = try share()
        try second.inspect(SegmentRange(first: 1, end: 3))
        #expect(second.frames == 0)
        #expect(second.gaps(in: SegmentRange(first: 1, end: 3)) == [SegmentStore.Gap(first: 1, count: 2)])
        #expect(second.gaps(in: SegmentRange(first: 3)) == [SegmentStore.Gap(first: 3, count: nil)])
        try fill(1, of: second)
        // The run that joins has the directory to itself, as far as other such runs go.
        do {
            let joining = try open()
            #expect(joining.frames == 4)
            #expect(throws: VitvideoError.self) { try open() }
            let file = try second.writer(of: 2)
            joining.remove()
            let error = #expect(throws: VitvideoError.self) {
                try file.finish(SegmentSummary(frames: 2))
                try second.add(2, SegmentSummary(frames: 2))
            }
            #expect(error?.kind == .inputOutput)
            #expect(error?.description.contains("joined or removed the job meanwhile") == true)
        }
        #expect(try directory.contents == [])
    }

    @Test func aLivingRunsJobIsNotReplaced() throws {
        let first = try share()
        let error = #expect(throws: VitvideoError.self) { try share(try Self.identity(crf: 20)) }
        #expect(error?.description.contains("--crf was 18 and is 20") == true)
        withExtendedLifetime(first) {}
        // One whose process has ended before anything was finished is.
        let text = String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/job.json")), as: UTF8.self)
        let dead = text.replacingOccurrences(of: "\"process\":\(getpid())", with: "\"process\":2147483000")
        #expect(dead != text)
        try directory.write(dead.utf8, to: "out.mp4.resume/job.json")
        #expect(try share(try Self.identity(crf: 20)).isNew)
    }

    /// What a running scale has not drawn yet counts as there, and where the renderer is is known of it.
    @Test func undrawnSegmentsAreToldApart() throws {
        let store = try share()
        func keep(_ number: Int, isLast: Bool = false) throws {
            let file = try store.writer(of: number, .undrawn)
            var summary = SegmentSummary(frames: 2, isLast: isLast)
            for index in 0..<2 {
                try file.append(.numbers(Self.numbers(number * 2 + index)))
                summary.ranges.append(
                    FrameRanges(timeSeconds: Double(number * 2 + index), values: [0, Float(number + index)]))
            }
            try file.finish(summary)
            try store.add(number, summary, .undrawn)
        }
        try keep(2)
        try keep(3, isLast: true)
        #expect(
            store.gaps() == [
                SegmentStore.Gap(first: 0, count: 2), SegmentStore.Gap(first: 2, count: 2, stage: .undrawn),
            ])
        #expect(store.undrawnFrames == 4 && store.frames == 0)
        let source = try TinyModels.source("plain", shortSide: 24)
        let renderer = try SingleViewRenderer(
            view: .overlay, source: source, style: HeatStyle(scale: .smooth(halfLifeSeconds: 1)),
            frameHeight: 48, frameWidth: 64)
        #expect(try store.renderer(renderer, before: 3) == nil)
        try keep(0)
        try keep(1)
        var expected = renderer
        for number in 0..<3 {
            for index in 0..<2 {
                expected.follow([0, Float(number + index)], at: Double(number * 2 + index))
            }
        }
        #expect(try store.renderer(renderer, before: 3)?.scaleMemory == expected.scaleMemory)
        // A finished one begins where it ended.
        var summary = SegmentSummary(frames: 2)
        summary.scaleMemory = expected.scaleMemory
        let file = try store.writer(of: 2)
        try file.finish(summary)
        try store.add(2, summary)
        #expect(try store.renderer(renderer, before: 3)?.scaleMemory == expected.scaleMemory)
        #expect(store.gaps().map(\.first) == [0, 3] && store.frames == 2)
    }

    @Test func whatIsFittedBeforehandComesBackToTheBit() throws {
        var random = SeededBytes(3)
        func floats(_ count: Int) -> [Float] {
            (0..<count).map { _ in Float(random.next()) / 7 - Float(random.next()) / 251 }
        }
        let basis = FeatureBasis(
            mean: floats(200), directions: [floats(200), floats(200)], explained: [1 / 3, 0.1],
            ranges: [-0.1...(1 / 3)])
        let probed = try TinyModels.probed("plain", shortSide: 24)
        let engine = try Engine(model: probed.model)
        let source = FeatureMaps(
            probed, engine: engine, fitted: FittedFeatures(basis: basis, frames: 16))
        let job = SegmentStore.Job(
            identity: try Self.identity(), states: ["model": try #require(try source.savedState())])
        do { try fill(0, of: try SegmentStore(path: path, job: job, segmentFrames: 2)) }
        let state = try #require(SegmentStore.job(at: path)?.states["model"])
        let request = MethodRequest(model: probed, savedState: state) { engine }
        let resumed = try Method.features.makeSource(request) as? FeatureMaps
        let kept = try #require(resumed).fitted
        #expect(kept.basis.mean.map(\.bitPattern) == basis.mean.map(\.bitPattern))
        #expect(kept == FittedFeatures(basis: basis, frames: 16))
    }

    /// A renderer that is given the memory of another one draws what that one would draw next.
    @Test func aRendererGoesOnWhereAnotherGotTo() throws {
        let source = try TinyModels.source("plain", shortSide: 24)
        func renderer() throws -> PanelRenderer {
            try PanelRenderer(
                panels: [
                    Panel(.original, caption: "original"), Panel(.view(.heads, source: 0), caption: "heads"),
                    Panel(.view(.overlay, source: 0), caption: "overlay"),
                ], sources: [source], style: HeatStyle(scale: .smooth(halfLifeSeconds: 0.3)),
                frameHeight: 48, frameWidth: 64)
        }
        let clip = directory.file("clip.mp4")
        try writeClip(clip, frames: 6, framesPerSecond: 25)
        let collector = CollectingSink()
        let job = AnnotationJob(
            reader: try VideoReader.open(clip), analysis: Analysis(sources: [source]), workers: 1,
            sinks: [collector], stop: StopRequest())
        _ = try job.runQuietly()
        var whole = try renderer()
        var part = try renderer()
        for (index, frame) in collector.frames.enumerated() {
            if index == 3 {
                let kept = try JSONEncoder().encode(whole.scaleMemory)
                part.scaleMemory = try JSONDecoder().decode([HeatScaler.Memory?].self, from: kept)
                #expect(part.scaleMemory == whole.scaleMemory && whole.scaleMemory.contains { $0 != nil })
            }
            let picture = try whole.render(frame)
            if index >= 3 { #expect(try part.render(frame) == picture) }
        }
    }
}
