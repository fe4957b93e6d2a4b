import Checkpoints
import Fixtures
import Testing

@testable import ViT

/// Class token and patches apart, and the classifier on patches, against PyTorch (`golden_scripts/experiments.py`).
@Suite struct DividedPassTests {
    private static let tolerance: Float = 1e-4

    @Test(arguments: Golden.names, [Engine.Library.openBLAS, .oneDNN, .own])
    func everyNumberOfDividedBlocks(name: String, library: Engine.Library) throws {
        let golden = try Golden(name)
        let expected = try golden.experiments()
        let c = golden.model.configuration
        let pass = try ForwardPass(
            engine: try Engine(model: golden.model, library: library, precision: .float32), threads: 2)
        var request = ForwardRequest(attentionBlocks: [c.depth - 1], wantsLogits: c.classes > 0)
        request.classTokenBlocks = 1
        var (seen, worst) = (0, Float(0))
        try pass.runDivided(try golden.input("wide"), request) { divided, result in
            #expect(divided == seen)
            seen += 1
            worst = max(
                worst, relativeError(result.classTokens, try expected.floats("divided.\(divided)/token")))
            if divided < c.depth {
                worst = max(
                    worst,
                    relativeError(
                        result.attention[c.depth - 1]?.values ?? [],
                        try expected.floats("divided.\(divided)/attention")))
            } else {
                #expect(result.attention.isEmpty)
            }
            guard c.classes > 0 else { return }
            worst = max(worst, relativeError(result.logits, try expected.floats("divided.\(divided)/logits")))
        }
        #expect(seen == c.depth + 1)
        #expect(worst <= Self.tolerance, "\(name): \(worst)")
        // The division matters: otherwise the goldens would say nothing.
        let whole = try expected.floats("divided.0/token")
        #expect(relativeError(whole, try expected.floats("divided.\(c.depth)/token")) > 0.05)
        print("divided pass of \(name), \(library.rawValue): \(worst)")
    }

    /// Of l = 0 it is the usual pass, whatever is asked for; of others, class tokens of divided blocks are those of
    /// the run that goes on divided.
    @Test(arguments: ["registers", "distilled"]) func itBranchesOffTheUsualPass(name: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let pass = try ForwardPass(model: golden.model)
        var request = ForwardRequest(
            attentionBlocks: Set(0..<c.depth), wantsTokens: true, wantsLogits: c.classes > 0)
        request.classTokenBlocks = c.depth
        let input = try golden.input("wide")
        let usual = try pass.run(input, request)
        var results: [ForwardResult] = []
        try pass.runDivided(input, request) { results.append($1) }
        #expect(results[0].tokens == usual.tokens && results[0].logits == usual.logits)
        #expect(results[0].classTokens == usual.classTokens && results[0].attention == usual.attention)
        for (divided, result) in results.enumerated() {
            #expect(result.classTokens.count == c.depth * c.width)
            #expect(
                result.classTokens.prefix(divided * c.width)
                    == results[c.depth].classTokens.prefix(divided * c.width))
            #expect(result.attention.keys.sorted() == Array(divided..<c.depth))
        }
        // The pass is as good as before.
        #expect(try pass.run(input, request).tokens == usual.tokens)
    }

    @Test(arguments: ["supervised", "distilled"]) func theClassifierOnEveryPatch(name: String) throws {
        let golden = try Golden(name)
        let classifier = try #require(Classifier(ownOf: golden.model))
        let patches = try #require(try PatchClassifier(classifier, of: golden.model))
        var request = ForwardRequest(attentionBlocks: [])
        patches.require(of: &request)
        let logits = patches.logits(
            try ForwardPass(model: golden.model).run(try golden.input("wide"), request))
        let error = relativeError(logits, try golden.experiments().floats("patch_logits"))
        #expect(error <= Self.tolerance, "\(error)")
    }

    /// One that reads the class token alone is asked at every patch; one that reads more cannot be.
    @Test func aLinearClassifierOnPatches() throws {
        let model = try Golden("plain").model
        let width = model.configuration.width
        func classifier(blocks: Int, mean: Bool) -> Classifier {
            let features = width * (blocks + (mean ? 1 : 0))
            return Classifier(
                LinearHead(
                    classes: 2, width: width, blocks: blocks, includesMeanPatch: mean,
                    weight: (0..<2 * features).map { Float($0 % 7) - 3 }, bias: [1, -1]), for: model)
        }
        #expect(try PatchClassifier(classifier(blocks: 1, mean: true), of: model) == nil)
        #expect(try PatchClassifier(classifier(blocks: 2, mean: false), of: model) == nil)
        let linear = classifier(blocks: 1, mean: false)
        let patches = try #require(try PatchClassifier(linear, of: model))
        var request = ForwardRequest(attentionBlocks: [])
        patches.require(of: &request)
        let result = try ForwardPass(model: model).run(try Golden("plain").input("wide"), request)
        let last = Array(result.tokens.suffix(width))
        #expect(
            relativeError(patches.logits(result).suffix(2), try #require(linear.linear).logits(last)) <= 1e-5)
    }
}
