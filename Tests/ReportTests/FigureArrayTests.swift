import Fixtures
import Foundation
import Methods
import NumPy
import Pixels
import Probing
import Testing
import ViT
import VideoIO

@testable import Report

/// What lies in the archives is what the methods give, for one picture, square or not.
@Suite struct FigureArrayTests {
    private static let options = ReportOptions(
        settings: ReportSettings(layer: 1, head: 1, discardRatios: [0, 0.5], classes: 2))

    /// A report on one picture, with what it was made of.
    private struct Made {
        let directory: TemporaryDirectory
        let subject: ReportSubject
        let input: PatchMatrix
        let pass: ForwardPass

        init(_ name: String) throws {
            directory = try TemporaryDirectory()
            subject = try .tiny(name)
            let picture = try directory.writePicture("a.png", height: 13, width: 22, seed: 7)
            _ = try makeReport(of: [picture], by: [subject], in: directory, FigureArrayTests.options)
            input = try subject.probed.preprocessor.patches(of: try StillImage.read(picture))
            pass = try ForwardPass(engine: subject.engine)
        }

        func array(_ archive: String, _ name: String) throws -> NPYArray {
            try NPZReader(directory.file("report/arrays/\(archive).npz")).array(name)
        }
    }

    @Test(arguments: Golden.names) func attentionAndRollout(name: String) throws {
        let made = try Made(name)
        let c = made.subject.model.configuration
        let result = try made.pass.run(made.input, LayerAttention.request(of: made.subject.model))
        let heads = try made.array("heads-1-\(name)", "attention")
        #expect(heads.shape == [c.heads, made.input.rows, made.input.columns])
        #expect(try heads.floats() == result.attention[1]?.values)
        let layers = try made.array("layers-1-\(name)", "layers")
        #expect(layers.shape == [c.depth, made.input.rows, made.input.columns])
        #expect(try layers.floats() == LayerAttention.maps(result).flatMap(\.values))

        let rollout = try made.array("rollout-1-\(name)", "rollout")
        #expect(rollout.shape == [3, 2, made.input.rows, made.input.columns])
        let expected = try [HeadFusion.mean, .max, .min].flatMap { fusion in
            try [0, 0.5].flatMap { ratio in
                try Rollout(
                    pass: made.pass, options: RolloutOptions(headFusion: fusion, discardRatio: ratio)
                ).run(made.input).map.values
            }
        }
        #expect(try rollout.floats() == expected)
        #expect(try made.array("rollout-1-\(name)", "discard_ratio").floats() == [0, 0.5])
    }

    @Test func gradientRolloutIsOfTheLikeliestClasses() throws {
        let made = try Made("supervised")
        let logits = try made.array("prediction-1-supervised", "logits").floats()
        let order = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(2)
        let classes = try made.array("gradient-rollout-1-supervised", "class").floats()
        #expect(classes == order.map { Float($0) })
        let maps = try made.array("gradient-rollout-1-supervised", "gradient_rollout")
        #expect(maps.shape == [2, 2, made.input.rows, made.input.columns])
        let expected = try order.flatMap { index in
            try [0, 0.5].flatMap { ratio in
                try GradientRollout(
                    model: made.subject.model, options: RolloutOptions(discardRatio: ratio)
                ).run(made.input, target: .logit(index)).map.values
            }
        }
        #expect(try maps.floats() == expected)
    }

    @Test func queriesAndKeysAreOfTheHeadAskedFor() throws {
        let made = try Made("registers")
        let (images, _) = try QueryKeyImages.run(made.pass, made.input, block: 1)
        for (name, part) in [("q", QueryKeyImages.Part.query), ("k", .key)] {
            let expected = try (0..<images.headWidth).flatMap {
                try images.image(part, head: 1, channel: $0).values
            }
            #expect(try made.array("qk-1-registers", name).floats() == expected)
        }
    }

    @Test func whatIsOfTheModelAlone() throws {
        let made = try Made("plain")
        let filters = try made.array("filters-plain", "filters")
        #expect(try filters.floats() == ProjectionFilters.scaled(of: made.subject.model).flatMap { $0 })
        let similarity = try made.array("positions-plain", "similarity")
        #expect(
            try similarity.floats() == PositionSimilarity.matrix(of: made.subject.model).values)
        let meta = try #require(try made.array("heads-1-plain", "meta").strings().first)
        #expect(meta.contains("\"picture\":\"\(made.directory.file("a.png"))\""))
        #expect(meta.contains("\"version\":\"test\""))
    }

    /// What the heat lies on is what the model saw: at the picture's own size its very pixels.
    @Test(arguments: ["plain", "supervised"]) func denormalizingGivesThePictureBack(name: String) throws {
        let subject = try ReportSubject.tiny(name)
        let image = TemporaryDirectory.noise(height: 13, width: 22, seed: 3)
        let shown = try ModelInput(image, subject.probed.preprocessor).picture
        #expect(shown.height == 12 && shown.width == 20)
        for row in 0..<12 {
            for column in 0..<20 { #expect(shown[row, column] == image[row, column]) }
        }
    }
}
