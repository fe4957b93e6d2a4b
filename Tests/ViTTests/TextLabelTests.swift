import Fixtures
import Testing

@testable import ViT

/// Names of classes that are texts.
@Suite struct TextLabelTests {
    private let labels = ClassLabels(
        texts: ["a dog, running", "a_cat", "A dog"], probability: .softmax)

    @Test func aTextIsItsWholeName() {
        #expect(labels.shortName(0) == "a dog, running" && labels.shortName(1) == "a_cat")
        #expect(labels.indices(named: "a dog, running") == [0])
        #expect(labels.indices(named: "a dog") == [2])
        #expect(labels.indices(named: "running") == [])
        #expect(labels.indices(containing: "dog") == [0, 2])
    }

    @Test func siglipsTextsAreProbableByThemselves() {
        let logits: [Float] = [0, 2, -3]
        let clip = labels.top(3, of: logits)
        #expect(clip.map(\.index) == [1, 0, 2])
        #expect(abs(clip.reduce(0) { $0 + $1.probability } - 1) < 1e-6)
        let siglip = ClassLabels(texts: labels.names, probability: .sigmoid).top(3, of: logits)
        #expect(siglip.map(\.index) == [1, 0, 2])
        #expect(abs(siglip[0].probability - 0.880797) < 1e-6 && siglip[1].probability == 0.5)
    }
}
