import Archives
import Fixtures
import Foundation
import Methods
import NumPy
import Pipeline
import Pixels
import Rendering
import Testing
import ViT
import VideoIO

@testable import Report

/// A method added through the door that CONTRIBUTING.md describes is in everything that is said and written of
/// methods, without another line.
@Suite struct ToyMethodTests {
    static let registry = MethodRegistry(MethodRegistry.standard.methods + [.entropy])

    private func request(_ set: (inout MethodSettings) -> Void = { _ in }) throws -> MethodRequest {
        let probed = try TinyModels.probed("plain", shortSide: 24)
        var settings = MethodSettings()
        set(&settings)
        return MethodRequest(model: probed, settings: settings) { try Engine(model: probed.model) }
    }

    @Test func helpAndValidation() throws {
        let registry = Self.registry
        #expect(registry.help.hasSuffix(" entropy: how the class token's attention is spread."))
        #expect(
            registry.help(for: MethodOptions.layer)
                == "attention, gradcam, qk, entropy: the block, negative from the end (default: -1). similarity, "
                + "tokens: the block whose vectors are taken, negative from the end; what comes out of it is not "
                + "normed (default: the tokens after the final LayerNorm; of queries, keys and values -1).")
        #expect(
            registry.help(for: MethodOptions.heads)
                == "attention: heads to show, fuse and export, such as 0,3 (default: all). "
                + "layers: heads to fuse (default: all). qk: one head (default: 0).")
        #expect(registry.help(for: ToyOptions.base) == "entropy: base of the logarithm. (default: 2)")
        #expect(registry.arrayNames.hasSuffix(", neuron, entropy"))
        #expect(registry.options.map(\.name).last == "base")
        #expect(registry.method(named: "entropy")?.title == "attention entropy")

        var settings = MethodSettings()
        settings[ToyOptions.base] = 10
        #expect(registry.strayOption(among: settings, of: .entropy) == nil)
        #expect(registry.strayOption(among: settings, of: .rollout)?.name == "base")
        settings[MethodOptions.channel] = 1
        #expect(registry.strayOption(among: settings, of: .entropy)?.name == "channel")
        #expect(Method.entropy.mismatch(with: .mask) == nil && Method.entropy.comparisonView == .heatmap)
    }

    @Test func identityAndStateOfAResumableJob() throws {
        var settings = MethodSettings()
        settings[ToyOptions.base] = 10
        let texts = Self.registry.options.map { "\($0.name)=\($0.text(settings) ?? "-")" }
        #expect(texts.contains("base=10.0") && texts.contains("layer=-"))
        let source = try Method.entropy.makeSource(try request { $0[ToyOptions.base] = 10 })
        #expect(try source.savedState() == Data("10.0".utf8))
    }

    @Test func videoExportAndStatistics() throws {
        let directory = try TemporaryDirectory()
        let clip = directory.file("clip.mp4")
        try writeClip(clip, frames: 4, framesPerSecond: 25)
        let source = try Method.entropy.makeSource(
            try request {
                $0[MethodOptions.layer] = 0
                $0[ToyOptions.base] = 10
            })
        let export = directory.file("maps.npz")
        let renderer = try SingleViewRenderer(
            view: .overlay, source: source, style: HeatStyle(), frameHeight: 48, frameWidth: 64)
        let writer = try VideoWriter.create(
            directory.file("out.mp4"), height: 48, width: 64,
            options: WriterOptions(frameRate: Rational(25, 1), timeBase: Rational(1, 25)))
        let statistics = StatisticsSink(subjects: [StatisticsSubject(source)], outputs: [])
        let reader = try VideoReader.open(clip)
        let job = AnnotationJob(
            reader: reader, analysis: Analysis(sources: [source]), workers: 2,
            sinks: [
                VideoSink(renderer: renderer, writer: writer, audio: reader.audio), statistics,
                try ExportSink(
                    ArchiveFormat.create(export, overwrite: false), sources: [source], sourceHeight: 48,
                    sourceWidth: 64,
                    version: "test"),
            ], stop: StopRequest())
        #expect(try job.runQuietly() == .complete(frames: 4))

        let archive = try NPZReader(export)
        let array = try archive.array("entropy")
        #expect(array.shape == [4, 6, 8])
        let image = try #require(try VideoReader.open(clip).nextFrame()).image
        let model = try #require(source as? any PlainMapSource).probed
        let result = try ForwardPass(model: model.model).run(
            try model.preprocessor.patches(of: image), ForwardRequest(attentionBlocks: [0]))
        let attention = try #require(result.attention[0])
        // −Σ a·log₁₀ a over the patches, mean over the heads.
        let entropy = attention.values.reduce(0) { $0 - Double($1) * log10(Double($1)) }
        let found = try array.floats().prefix(48).reduce(0) { $0 + Double($1) }
        #expect(abs(found - entropy / Double(attention.heads)) < 1e-4 && found > 0.1)
        let meta = try #require(try archive.array("meta").strings().first)
        #expect(meta.contains("\"method\":\"entropy\"") && meta.contains("\"base\":10"))
        #expect(statistics.summary.frames == 4)
    }

    @Test func reportSection() throws {
        let directory = try TemporaryDirectory()
        let picture = directory.file("a.png")
        var random = SeededBytes(5)
        try StillImage.write(
            RGBImage(height: 16, width: 24, bytes: (0..<16 * 24 * 3).map { _ in random.next() }), to: picture)
        let model = try Golden("plain").model
        let options = ReportOptions(sections: ["heads", "entropy"], figures: 1, of: Self.registry)
        let subject = ReportSubject(engine: try Engine(model: model), name: "plain", resolution: .native)
        let outcome = try ReportJob(
            path: directory.file("report"), overwrite: false, paths: [picture], subjects: [subject],
            options: options, workers: 1, threadsPerPicture: 1, stop: StopRequest(), version: "test",
            words: { _ in nil }
        ).run { _ in }
        #expect(outcome == .complete(PictureCounts(used: 1)))
        let page = try String(contentsOfFile: directory.file("report/index.html"), encoding: .utf8)
        #expect(page.contains("<h2 id=\"entropy-title\">Attention entropy</h2>"))
        #expect(page.contains("spread in the last layer"))
        let arrays = try NPZReader(directory.file("report/arrays/entropy-1-plain.npz"))
        #expect(try arrays.array("entropy").shape == [1, 4, 6])
    }
}
