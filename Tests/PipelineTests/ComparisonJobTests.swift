import Archives
import Fixtures
import Foundation
import NumPy
import Pipeline
import Pixels
import Probing
import Rendering
import Testing
import VideoIO

/// Whole jobs: a clip through several small models, with a recording beside it.
@Suite struct ComparisonJobTests {
    let directory: TemporaryDirectory
    let clip: String
    let recording: String

    init() throws {
        directory = try TemporaryDirectory()
        clip = directory.file("clip.mp4")
        recording = directory.file("heat.mkv")
        try writeClip(clip, frames: 15, framesPerSecond: 25)
        try writeClip(recording, frames: 6, framesPerSecond: 10)
    }

    private func run(_ analysis: Analysis, recordings: [Recording] = [], sinks: [any FrameSink]) throws {
        let job = AnnotationJob(
            reader: try VideoReader.open(clip), recordings: recordings, analysis: analysis, workers: 3,
            sinks: sinks, stop: StopRequest())
        #expect(try job.runQuietly() == .complete(frames: 15))
    }

    @Test func panelsAreInStep() throws {
        let recording = try Recording(path: recording)
        let collector = CollectingSink()
        let renderer = try PanelRenderer(
            panels: [Panel(.original, caption: "original"), Panel(.recording(0), caption: "heat")],
            sources: [], style: HeatStyle(), frameHeight: 48, frameWidth: 64)
        let pattern = directory.file("panel-%02d.png")
        let writer = try VideoWriter.create(
            pattern, height: renderer.outputHeight, width: renderer.outputWidth)
        try run(
            Analysis(sources: []), recordings: [recording],
            sinks: [collector, VideoSink(renderer: renderer, writer: writer, audio: AudioPacketQueue())])
        let width = renderer.outputWidth
        #expect(renderer.outputHeight % 2 == 0 && width % 2 == 0)
        for (index, frame) in collector.frames.enumerated() {
            #expect(frame.frame.index == index)
            expectShown(frame.frame.image, frame: index)
            expectShown(frame.recorded[0].picture, frame: index * 10 / 25)
            #expect(frame.recorded[0].map == nil)

            let picture = try StillImage.read(directory.file(String(format: "panel-%02d.png", index + 1)))
            // Below the captions, in the middle of each panel.
            let row = picture.height - 24
            #expect(abs(Int(picture[row, width / 4].green) - Int(level(index))) <= 4)
            #expect(abs(Int(picture[row, width * 3 / 4].green) - Int(level(index * 10 / 25))) <= 4)
        }
    }

    @Test func everyModelSeesEveryFrame() throws {
        let sources = [
            try TinyModels.source("plain", shortSide: 24),
            try TinyModels.source("supervised", shortSide: 40, heads: [2, 0]),
        ]
        let collector = CollectingSink()
        let export = directory.file("maps.npz")
        try run(
            Analysis(sources: sources, maskMass: 0.6),
            sinks: [
                collector,
                try ExportSink(
                    ArchiveFormat.create(export, overwrite: false), sources: sources, sourceHeight: 48,
                    sourceWidth: 64,
                    version: "test"),
            ])
        let reader = try NPZReader(export)
        #expect(
            Set(reader.names) == [
                "attention.plain", "attention.supervised", "meta.plain", "meta.supervised", "frame", "time",
                "logits.supervised",
            ])
        #expect(try reader.array("logits.supervised").shape == [15, 11])
        #expect(try reader.array("attention.plain").shape == [15, 3, 6, 8])
        #expect(try reader.array("attention.supervised").shape == [15, 2, 10, 13])

        // Each model alone gives the same.
        for (index, source) in sources.enumerated() {
            let extract = try source.makeExtractor(threads: 1)
            for frame in collector.frames {
                let alone = try extract(frame.frame.image)
                #expect(alone.parts == frame.maps[index].parts)
                #expect(alone.fused == frame.maps[index].fused)
                #expect(frame.masks[index] == MassThreshold.mask(of: alone.fused, mass: 0.6))
            }
            let exported = try reader.array("attention.\(source.name)").floats()
            #expect(exported == collector.frames.flatMap { $0.maps[index].parts.flatMap(\.values) })
        }
    }

    @Test func oneModelKeepsThePlainNames() throws {
        let export = directory.file("maps.npz")
        let source = try TinyModels.source("plain", shortSide: 24)
        try run(
            Analysis(sources: [source]),
            sinks: [
                try ExportSink(
                    ArchiveFormat.create(export, overwrite: false), sources: [source], sourceHeight: 48,
                    sourceWidth: 64,
                    version: "test")
            ])
        #expect(try Set(NPZReader(export).names) == ["attention", "meta", "frame", "time"])
    }

    @Test func statisticsAreThoseOfTheMaps() throws {
        let sources = [
            try TinyModels.source("plain", shortSide: 24), try TinyModels.source("supervised", shortSide: 40),
        ]
        let recording = try Recording(path: recording)
        let collector = CollectingSink()
        let subjects = sources.map { StatisticsSubject($0) } + [StatisticsSubject(recording)]
        let path = directory.file("out.csv")
        let statistics = StatisticsSink(
            subjects: subjects,
            outputs: [try StatisticsTable(path: path, overwrite: false, subjects: subjects)])
        let grid = try sources[0].layout(height: 48, width: 64)
        try run(
            Analysis(sources: sources, recordingGrid: grid), recordings: [recording],
            sinks: [collector, statistics])

        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        #expect(lines.count == 1 + 15 * 3)
        func value(_ frame: Int, _ subject: Int, _ column: String) throws -> Double? {
            Double(lines[1 + frame * 3 + subject][try #require(lines[0].firstIndex(of: column))])
        }
        for (index, frame) in collector.frames.enumerated() {
            let recorded = try #require(frame.recorded[0].map)
            let fused = [frame.maps[0].fused, frame.maps[1].fused, recorded]
            #expect(recorded.height == 6 && recorded.width == 8)
            for subject in 0..<2 {
                let entropy = try #require(try value(index, subject, "entropy"))
                #expect(abs(entropy - naiveEntropy(fused[subject])) < 1e-5)
                let head = try #require(try value(index, subject, "entropy_head_1"))
                #expect(abs(head - naiveEntropy(frame.maps[subject].parts[1])) < 1e-5)
            }
            // 6×8 against 10×13 patches: on 6×8.
            let pair = try #require(try value(index, 0, "correlation_supervised"))
            #expect(try value(index, 1, "correlation_plain") == pair)
            let resampled = AreaAverage.resample(fused[1], rows: 6, columns: 8)
            #expect(abs(pair - naiveCorrelation(fused[0].values, resampled.values)) < 1e-5)
            if index > 0 {
                let before = collector.frames[index - 1].maps[1].fused
                let previous = try #require(try value(index, 1, "correlation_previous"))
                #expect(abs(previous - naiveCorrelation(before.values, fused[1].values)) < 1e-5)
            } else {
                #expect(try value(0, 1, "correlation_previous") == nil)
            }
            // The supervised model has a classifier of 11 classes, of which two have names here.
            #expect(lines[0].last == "top_label")
            let prediction = try #require(frame.maps[1].prediction)
            let top = try #require(
                prediction.logits.indices.max { prediction.logits[$0] < prediction.logits[$1] })
            #expect(prediction.logits.count == 11)
            #expect(prediction.topLabel == (["cat", "big dog"] + (2..<11).map { "class \($0)" })[top])
            #expect(lines[1 + index * 3 + 1].last == prediction.topLabel)
            #expect(prediction.shownLines.count == 2)
            #expect(prediction.shownLines[0].hasPrefix(prediction.topLabel + "  "))
            #expect(frame.maps[0].prediction == nil && lines[1 + index * 3].last == "")
        }
    }

    @Test func aStoppedJobKeepsItsRows() throws {
        let source = try TinyModels.source("plain", shortSide: 24)
        let path = directory.file("out.csv")
        let subjects = [StatisticsSubject(source)]
        let statistics = StatisticsSink(
            subjects: subjects,
            outputs: [
                try StatisticsTable(path: path, overwrite: false, subjects: subjects),
                try StatisticsPlot(
                    path: directory.file("out.svg"), overwrite: false, title: "", subjects: subjects),
            ])
        let stop = StopRequest()
        let job = AnnotationJob(
            reader: try VideoReader.open(clip), analysis: Analysis(sources: [source]), workers: 1,
            sinks: [statistics], stop: stop)
        let outcome = try job.run { frames, _ in if frames == 2 { stop.request() } }
        guard case .interrupted(let frames, let paths) = outcome else {
            Issue.record("the job was not stopped")
            return
        }
        #expect(paths == [directory.file("out.partial.csv"), directory.file("out.partial.svg")])
        let lines = try String(contentsOfFile: paths[0], encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1 + frames && frames >= 2 && frames < 15)
        #expect(
            try directory.contents == ["clip.mp4", "heat.mkv", "out.partial.csv", "out.partial.svg"])
    }

    private func naiveEntropy(_ map: Plane) -> Double {
        let sum = map.values.reduce(0.0) { $0 + Double($1) }
        return -map.values.reduce(0.0) { total, value in
            value > 0 ? total + Double(value) / sum * log(Double(value) / sum) : total
        }
    }

    private func naiveCorrelation(_ a: [Float], _ b: [Float]) -> Double {
        let n = Double(a.count)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / n }
        let (x, y) = (a.map(Double.init), b.map(Double.init))
        let covariance = mean(zip(x, y).map { $0 * $1 }) - mean(x) * mean(y)
        let variances = (
            mean(x.map { $0 * $0 }) - mean(x) * mean(x), mean(y.map { $0 * $0 }) - mean(y) * mean(y)
        )
        return covariance / (variances.0 * variances.1).squareRoot()
    }
}
