import Checkpoints
import Fixtures
import Pixels
import Probing
import Testing
import ViT

/// What speaks for a text, against autograd in the libraries that the towers are of (`golden_scripts/texts.py`).
@Suite struct TextMapTests {
    static let tolerance: Float = 1e-4

    private struct Subject {
        let golden: Checkpoint
        let model: Model
        let classifier: Classifier
        let input: PatchMatrix
        let logits: [Float]

        init(_ item: TextGolden) throws {
            golden = try item.maps()
            model = try item.model()
            classifier = Classifier(try TextClassifier(try item.tokens(), for: model))
            input = Preprocessor(configuration: model.configuration, resolution: .native).patches(
                ofPlanes: try golden.floats("input"), rows: 4, columns: 4)
            logits = try golden.floats("logits")
        }

        func check(_ values: [Float], _ key: String) throws {
            let error = relativeError(values, try golden.floats(key))
            #expect(error <= TextMapTests.tolerance, "\(key): \(error)")
        }
    }

    /// In every block, and A ⊙ ∂y/∂A of SigLIP's probe.
    @Test(arguments: TextGolden.all) func gradientsByAttentionAreAutograds(_ item: TextGolden) throws {
        let subject = try Subject(item)
        let depth = subject.model.configuration.depth
        for text in try item.mappedTexts() {
            var gradients = [[Float]](repeating: [], count: depth)
            var probe: [Float] = []
            // All rows are one strip, whose heads follow each other.
            let result = try BackwardPass(model: subject.model, stripRows: 64).run(
                subject.input, GradientRequest(target: .logit(text), classifier: subject.classifier),
                observing: Set((0..<depth).map { .attention(block: $0) }),
                observer: { observed in
                    if let block = observed.stage.block { gradients[block] += observed.gradient }
                },
                beforeBlocks: { probe = $0 })
            try subject.check(result.logits, "logits")
            #expect(result.score == result.logits[text])
            for block in 0..<depth { try subject.check(gradients[block], "\(text)/gradient.\(block)") }
            #expect(probe.isEmpty == (item.kind == .clip))
            if item.kind == .siglip { try subject.check(probe, "\(text)/probe") }
        }
    }

    /// Strips of 5 rows do not divide the tokens; 64 hold them all.
    @Test(arguments: TextGolden.all, [5, 64])
    func mapsAreThoseOfTheirDefinitions(_ item: TextGolden, stripRows: Int) throws {
        let subject = try Subject(item)
        let (model, depth) = (subject.model, subject.model.configuration.depth)
        var mappers: [(name: String, mapper: any ClassMapper)] = [
            ("relevance", Relevance(model: model, blocks: 0..<depth, stripRows: stripRows)),
            ("relevance.last", Relevance(model: model, blocks: depth - 1..<depth, stripRows: stripRows)),
            (
                "gradient_rollout",
                try GradientRollout(model: model, options: try RolloutOptions(), stripRows: stripRows)
            ),
        ]
        if item.kind == .clip {
            mappers.append(
                ("gradcam", AttentionGradCAM(model: model, block: depth - 1, stripRows: stripRows)))
        }
        let texts = try item.mappedTexts()
        for (name, mapper) in mappers {
            var maps: [[Float]] = []
            for text in texts {
                let found = try mapper.run(
                    subject.input, target: .logit(text), classifier: subject.classifier)
                try subject.check(found.map.values, "\(text)/\(name)")
                #expect(found.targetClass == text)
                try subject.check(found.logits, "logits")
                maps.append(found.map.values)
            }
            // A map that is flat, or alike for every text, would fit anything.
            for map in maps {
                #expect((map.max() ?? 0) > 1.2 * map.reduce(0, +) / Float(map.count), "\(name): \(map)")
            }
            #expect(relativeError(maps[0], maps[1]) > 0.02, "\(name)")
        }
    }
}
