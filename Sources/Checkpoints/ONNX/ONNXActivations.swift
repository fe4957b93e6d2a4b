/// The nonlinearities that a graph computes, which no weight tells.
///
/// Older operator sets have none of their own: GELU is v · (1 + erf(v / √2)) / 2, by tanh v · (1 + tanh(c · …)) / 2, and
/// OpenAI's v · σ(1.702 v) always is. A sigmoid or tanh of anything but a product is another: SiLU in a gated layer, or
/// that of a pooling layer.
struct ONNXActivations {
    private var found: Set<String> = []
    /// Values that are products of numbers.
    private var scaled: Set<String> = []

    /// Takes in the next node of the graph.
    mutating func add(_ node: ONNXNode) {
        let isScaled = node.inputs.first.map(scaled.contains) ?? false
        switch node.operation {
        case "Mul": scaled.formUnion(node.outputs)
        case "Gelu": found.insert(node.isByTanh ? "gelu_tanh" : "gelu")
        case "Erf": found.insert("gelu")
        case "Tanh" where isScaled: found.insert("gelu_tanh")
        case "Sigmoid" where isScaled: found.insert("quick_gelu")
        default: break
        }
    }

    /// `gelu`, `gelu_tanh` or `quick_gelu`; nil where there is none or several.
    var only: String? { found.count == 1 ? found.first : nil }
}
