import Archives
import Fixtures
import Foundation
import Methods
import NumPy
import Pipeline
import Pixels
import Probing
import Testing
import ViT
import VideoIO

/// Every method through a whole job of several workers, held to the definitions in `Probing`, which goldens hold
/// to the originals.
@Suite struct MethodJobTests {
    /// Frames in a folder, lossless, and what one of each method's sources makes of them.
    private struct Run {
        static let frames = 5
        let directory: TemporaryDirectory
        let probed: ProbedModel
        let images: [RGBImage]
        let pattern: String

        init(_ name: String, height: Int, width: Int) throws {
            directory = try TemporaryDirectory()
            pattern = directory.file("f%02d.png")
            probed = try TinyModels.probed(name, shortSide: 24)
            var random = SeededBytes(7)
            images = (0..<Run.frames).map { _ in
                RGBImage(
                    height: height, width: width,
                    bytes: (0..<height * width * 3).map { _ in random.next() })
            }
            for (index, image) in images.enumerated() {
                try StillImage.write(image, to: directory.file(String(format: "f%02d.png", index)))
            }
        }

        var pass: ForwardPass { get throws { try ForwardPass(model: probed.model) } }
        var engine: Engine { get throws { try Engine(model: probed.model) } }

        func input(_ image: RGBImage) throws -> PatchMatrix {
            try Preprocessor(configuration: probed.model.configuration, resolution: probed.resolution)
                .patches(of: image)
        }

        /// Runs the job over all frames and opens its export.
        func export(_ source: any MapSource) throws -> NPZReader {
            let path = directory.file("\(source.method.name).npz")
            let sink = try ExportSink(
                ArchiveFormat.create(path, overwrite: true), sources: [source],
                sourceHeight: images[0].height,
                sourceWidth: images[0].width, version: "test")
            let job = AnnotationJob(
                reader: try VideoReader.open(pattern), analysis: Analysis(sources: [source]), workers: 3,
                sinks: [sink], stop: StopRequest())
            #expect(try job.runQuietly() == .complete(frames: Run.frames))
            return try NPZReader(path)
        }

        var grid: (rows: Int, columns: Int) {
            get throws { (try input(images[0]).rows, try input(images[0]).columns) }
        }
    }

    private static func meta(_ reader: NPZReader) throws -> [String: Any] {
        let text = try #require(try reader.array("meta").strings().first)
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test(arguments: Golden.names, [(48, 64), (64, 44)]) func rollout(name: String, size: (Int, Int)) throws {
        let run = try Run(name, height: size.0, width: size.1)
        for options in [
            try RolloutOptions(), try RolloutOptions(headFusion: .max, discardRatio: 0.5),
            try RolloutOptions(headFusion: .min, discardRatio: 0.9, compatibility: .vitExplain),
            try RolloutOptions(compatibility: .keras),
        ] {
            let export = try run.export(
                RolloutMaps(run.probed, engine: try run.engine, options: options))
            let array = try export.array("rollout")
            #expect(array.shape == [Run.frames, try run.grid.rows, try run.grid.columns])
            let rollout = Rollout(pass: try run.pass, options: options)
            let expected = try run.images.flatMap { try rollout.run(try run.input($0)).map.values }
            #expect(relativeError(try array.floats(), expected) <= 1e-5)
            let meta = try Self.meta(export)
            #expect(meta["method"] as? String == "rollout")
            #expect(meta["head_fusion"] as? String == options.headFusion.rawValue)
            #expect(meta["discard_ratio"] as? Double == options.discardRatio)
            #expect(meta["compat"] as? String == options.compatibility.rawValue)
            #expect(meta["layer"] == nil && meta["heads"] == nil)
        }
    }

    @Test(arguments: ["plain", "distilled"], [nil, ":2", "1"]) func flow(name: String, blocks: String?) throws
    {
        let run = try Run(name, height: 48, width: 64)
        var settings = MethodSettings()
        settings[MethodOptions.blocks] = try blocks.map { try BlockRange(parsing: $0) }
        let source = try Method.flow.makeSource(
            MethodRequest(model: run.probed, settings: settings, makeEngine: { try run.engine }))
        let export = try run.export(source)
        let array = try export.array("flow")
        #expect(array.shape == [Run.frames, try run.grid.rows, try run.grid.columns])
        let meant = [nil: 0..<3, ":2": 0..<2, "1": 1..<2][blocks] ?? 0..<0
        let flow = AttentionFlow(pass: try run.pass, blocks: meant)
        let expected = try run.images.flatMap { try flow.run(try run.input($0)).map.values }
        #expect(relativeError(try array.floats(), expected) <= 1e-5)
        #expect(abs(try array.floats().reduce(0, +) - Float(Run.frames)) < 1e-4)
        let meta = try Self.meta(export)
        #expect(meta["method"] as? String == "flow" && meta["layers"] as? [Int] == Array(meant))
    }

    /// `top` follows the prediction: each frame's map is that of the class with the largest logit.
    @Test(arguments: [0, 0.9]) func gradientRollout(ratio: Double) throws {
        let run = try Run("supervised", height: 48, width: 64)
        let options = try RolloutOptions(discardRatio: ratio)
        let export = try run.export(try GradientRolloutMaps(run.probed, options: options))
        let array = try export.array("gradient_rollout")
        #expect(array.shape == [Run.frames, 6, 8])
        let classes = try export.array("class").int64s().map { Int($0) }
        let logits = try export.array("logits").floats()
        let rollout = try GradientRollout(model: run.probed.model, options: options)
        let pass = try run.pass
        var maps: [Float] = []
        for (index, image) in run.images.enumerated() {
            let input = try run.input(image)
            let forward = try pass.run(input, ForwardRequest(attentionBlocks: [], wantsLogits: true)).logits
            #expect(relativeError(Array(logits[index * 11..<(index + 1) * 11]), forward) <= 1e-4)
            #expect(classes[index] == forward.indices.max { forward[$0] < forward[$1] })
            maps += try rollout.run(input, target: .logit(classes[index])).map.values
        }
        #expect(relativeError(try array.floats(), maps) <= 1e-5)
        let meta = try Self.meta(export)
        #expect(meta["method"] as? String == "gradient-rollout" && meta["class"] as? String == "top")
        #expect(meta["class_name"] == nil)

        // A class by its name.
        let named = try run.export(
            try GradientRolloutMaps(run.probed, options: options, target: ClassChoice("Big dog")))
        #expect(try named.array("class").int64s() == Array(repeating: 1, count: Run.frames))
        let expected = try run.images.flatMap {
            try rollout.run(try run.input($0), target: .logit(1)).map.values
        }
        #expect(relativeError(try named.array("gradient_rollout").floats(), expected) <= 1e-5)
        #expect(try Self.meta(named)["class"] as? String == "1")
        #expect(try Self.meta(named)["class_name"] as? String == "big dog")
    }

    @Test(arguments: Golden.names, [nil, [1], [1, 0]]) func layers(name: String, heads: [Int]?) throws {
        let run = try Run(name, height: 64, width: 44)
        let export = try run.export(
            try LayerMaps(run.probed, engine: try run.engine, heads: heads, fusion: .max))
        let array = try export.array("layers")
        let (depth, count) = (
            run.probed.model.configuration.depth, run.probed.model.configuration.heads
        )
        #expect(array.shape == [Run.frames, depth, try run.grid.rows, try run.grid.columns])
        let pass = try run.pass
        var expected: [Float] = []
        for image in run.images {
            let result = try pass.run(try run.input(image), LayerAttention.request(of: run.probed.model))
            for block in 0..<depth {
                let planes = try #require(result.attention[block]).planes
                let chosen = (heads ?? Array(planes.indices)).map { planes[$0].values }
                expected += chosen[0].indices.map { cell in chosen.map { $0[cell] }.max() ?? 0 }
            }
        }
        #expect(relativeError(try array.floats(), expected) <= 1e-5)
        #expect(try Self.meta(export)["heads"] as? [Int] == heads ?? Array(0..<count))
        #expect(try Self.meta(export)["query"] as? String == "cls")
    }

    @Test(arguments: Golden.names) func queriesAndKeys(name: String) throws {
        let run = try Run(name, height: 48, width: 64)
        let export = try run.export(
            try QueryKeyMaps(run.probed, engine: try run.engine, layer: -2, head: 1, channel: 3))
        let block = run.probed.model.configuration.depth - 2
        let pass = try run.pass
        for (key, part) in [("q", QueryKeyImages.Part.query), ("k", .key)] {
            let array = try export.array(key)
            #expect(array.shape == [Run.frames, try run.grid.rows, try run.grid.columns])
            let expected = try run.images.flatMap {
                try QueryKeyImages.run(pass, try run.input($0), block: block).images
                    .image(part, head: 1, channel: 3).values
            }
            #expect(relativeError(try array.floats(), expected) <= 1e-5)
        }
        let meta = try Self.meta(export)
        #expect(meta["layer"] as? Int == block && meta["channel"] as? Int == 3)
        #expect(meta["heads"] as? [Int] == [1])
    }

    /// The attention from a patch is its row of the attention matrix.
    @Test(arguments: Golden.names) func attentionFromAPatch(name: String) throws {
        let run = try Run(name, height: 48, width: 64)
        let export = try run.export(
            try AttentionMaps(
                run.probed, engine: try run.engine, query: Query(parsing: "2,3")))
        let array = try export.array("attention")
        let c = run.probed.model.configuration
        let (rows, columns) = try run.grid
        #expect(array.shape == [Run.frames, c.heads, rows, columns])
        let tokens = c.specialTokens + rows * columns
        let pass = try run.pass
        var expected: [Float] = []
        for image in run.images {
            _ = try pass.run(
                try run.input(image), ForwardRequest(attentionBlocks: []),
                observing: [.attention(block: c.depth - 1)]
            ) { _, _, matrix in
                let row = (c.specialTokens + 2 * columns + 3) * tokens
                expected += matrix[row + c.specialTokens..<row + tokens]
            }
        }
        #expect(relativeError(try array.floats(), expected) <= 1e-4)
        #expect(try Self.meta(export)["query"] as? String == "2,3")
    }

    /// The basis of the sampled frames; the same patches have the same colors in every frame.
    @Test(arguments: Golden.names) func features(name: String) throws {
        let run = try Run(name, height: 64, width: 44)
        // The last frame is the first one again.
        try StillImage.write(run.images[0], to: run.directory.file("f04.png"), overwrite: true)
        let images = run.images.dropLast() + [run.images[0]]
        let sampler = FrameSampler(
            reader: try VideoReader.open(run.pattern), path: run.pattern, selection: .all)
        let source = try FeatureMaps(
            run.probed, engine: try run.engine, threads: 1, availableBytes: nil,
            fittedTo: sampler.forEachFrame)
        #expect(source.fittedFrames == Run.frames)
        let export = try run.export(source)
        let array = try export.array("features")
        let (rows, columns) = try run.grid
        #expect(array.shape == [Run.frames, rows, columns, 3])

        let pass = try run.pass
        let request = ForwardRequest(attentionBlocks: [], wantsTokens: true)
        let tokens = try images.map { try pass.run(try run.input($0), request).tokens }
        var fitter = try FeatureBasisFitter(width: run.probed.model.configuration.width)
        for frame in tokens {
            fitter.add(tokens: frame, specialTokens: run.probed.model.configuration.specialTokens)
        }
        let basis = try #require(fitter.fit())
        let expected = tokens.flatMap { frame in
            let maps = basis.maps(tokens: frame, rows: rows, columns: columns)
            return (0..<rows * columns).flatMap { cell in maps.map { $0.values[cell] } }
        }
        let found = try array.floats()
        #expect(relativeError(found, expected) <= 1e-5)
        let count = rows * columns * 3
        #expect(found.prefix(count) == found.suffix(count))
        #expect(try Self.meta(export)["fitted_frames"] as? Int == Run.frames)
        #expect((try Self.meta(export)["explained"] as? [Double])?.count == 3)
    }
}

/// Bytes that look random and are the same in every run.
struct SeededBytes {
    private var state: UInt64

    mutating func next() -> UInt8 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }

    init(_ seed: UInt64) { state = seed }
}
