import Base
import Checkpoints
import Graph
import Testing

/// Files that are not whole, and tensors of other shapes.
@Suite struct BuilderDamageTests {
    private static let sizes = ["coat_parallel": 64, "coat_lite": 64]

    private func refusal(_ variant: BuilderVariant, _ tensors: [BuilderVariant.Tensor]) throws
        -> VitvideoError?
    {
        let file = try variant.write { _ in tensors }
        // Without the tensors that tell the family there is nothing to say.
        guard GraphFamily.recognized(file) == variant.golden.family else { return nil }
        let side = Self.sizes[variant.golden.name] ?? 48
        return try GraphTests.refusal { try variant.golden.family.graph(of: file, height: side, width: side) }
    }

    /// One tensor of each kind: the last of those whose names differ by numbers alone.
    private func oneOfEach(_ tensors: [BuilderVariant.Tensor]) -> [Int] {
        let kinds = tensors.indices.map { (tensors[$0].name.filter { !$0.isNumber }, $0) }
        return Dictionary(kinds) { $1 }.values.sorted()
    }

    /// Tensors that a file can do without: copies of what blocks share, and a bias that a softmax takes away.
    private func isSpare(_ name: String) -> Bool {
        name.hasSuffix("pos_proj.bias") || name.contains("cpe.")
            || name.contains("crpe")
                && name.contains("conv_list")
            || name.hasPrefix("cpe") || name.contains(".mlp2.")
            || name.contains(".mlp3.") || name.contains(".mlp4.")
    }

    /// Tensors whose absence says that a block is of another kind.
    private func isSign(_ name: String) -> Bool {
        name.hasSuffix(".gating_param") || name.hasSuffix("attn.qkv.weight")
    }

    @Test(arguments: GraphGolden.all) func whatIsMissingIsNamed(_ golden: GraphGolden) throws {
        let variant = try BuilderVariant(golden.name)
        let all = try variant.tensors()
        var refused = 0
        for index in oneOfEach(all) where !isSpare(all[index].name) {
            var others = all
            let name = others.remove(at: index).name
            guard let error = try refusal(variant, others) else {
                Issue.record("\(name) is not missed")
                continue
            }
            #expect(error.kind == .badData && error.reason.hasPrefix("there is no tensor"))
            if !isSign(name) { #expect(error.reason.contains("'\(name)'")) }
            refused += 1
        }
        #expect(refused > 15)
    }

    /// Each is refused in a line that names the file, or is a model of other sizes.
    @Test(arguments: GraphGolden.all) func otherShapesAreRefused(_ golden: GraphGolden) throws {
        let variant = try BuilderVariant(golden.name)
        let all = try variant.tensors()
        var refused = 0
        let chosen = oneOfEach(all)
        for index in chosen {
            let tensor = all[index]
            let s = tensor.shape
            var shapes = [
                [], [0], s.reversed(), [tensor.values.count], s + [1], [1] + s, Array(s.dropFirst()),
            ]
            for axis in s.indices {
                for size in [0, s[axis] + 1] {
                    shapes.append(s)
                    shapes[shapes.count - 1][axis] = size
                }
            }
            for shape in shapes where shape != s {
                var tensors = all
                let count = shape.reduce(1, *)
                let values =
                    tensor.values + [Float](repeating: 0.5, count: max(0, count - tensor.values.count))
                tensors[index] = (tensor.name, shape, Array(values[..<count]))
                guard let error = try refusal(variant, tensors) else { continue }
                refused += 1
                #expect(error.path?.hasSuffix("model.safetensors") == true, "\(tensor.name) \(shape)")
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(refused > 5 * chosen.count)
    }
}
