/// A LayerNorm and the layer after it with the channels' sizes evened out, for a product in 8-bit integers.
///
/// A row of activations shares one scale, so that a few channels much larger than the others would leave those few
/// steps. Dividing a channel of the LayerNorm's output by s and multiplying the layer's column by s changes nothing
/// but the rounding; s = √(activation / weight) gives either side half of the load (SmoothQuant, Xiao et al. 2023,
/// α = 1/2). How large a channel gets is taken from the LayerNorm, whose output before γ and β has variance 1:
/// 3·|γ| + |β|.
func smoothed(_ norm: Norm, _ layer: Linear) -> (Norm, Linear) {
    var columns = [Float](repeating: 0, count: layer.inputs)
    for row in 0..<layer.outputs {
        for column in 0..<layer.inputs {
            columns[column] = max(columns[column], abs(layer.weight[row * layer.inputs + column]))
        }
    }
    let factors = columns.indices.map { channel -> Float in
        let activation = 3 * abs(norm.gamma[channel]) + abs(norm.beta[channel])
        guard activation > 0, columns[channel] > 0 else { return 1 }
        return (activation / columns[channel]).squareRoot()
    }
    var weight = layer.weight
    for row in 0..<layer.outputs {
        for column in 0..<layer.inputs { weight[row * layer.inputs + column] *= factors[column] }
    }
    return (
        Norm(
            gamma: zip(norm.gamma, factors).map { $0 / $1 }, beta: zip(norm.beta, factors).map { $0 / $1 }),
        Linear(outputs: layer.outputs, inputs: layer.inputs, weight: weight, bias: layer.bias)
    )
}
