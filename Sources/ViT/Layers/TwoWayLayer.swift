import CKernels
import COneDNN

/// A linear layer without its bias in the two directions that a gradient by the input takes, in 32-bit floats on
/// the calling thread: y = x·Wᵀ and dx = dy·W. Shared by all workers.
struct TwoWayLayer: Sendable {
    let linear: Linear
    private let product: MatrixProduct
    private let packed: Packed?

    /// Rows multiplied at once by oneDNN, at most: their inputs and outputs stay in the second-level cache. OpenBLAS
    /// packs the weights for every product, so that it wants many rows.
    static let packedRowTile = 88

    /// oneDNN's two products: each direction has a layout of its own.
    private struct Packed: Sendable {
        let forward: OneDNNProduct
        let backward: OneDNNProduct

        init(_ linear: Linear) throws {
            forward = try linear.weight.withUnsafeBytes {
                try OneDNNProduct(
                    weight: $0.baseAddress, outputs: linear.outputs, inputs: linear.inputs,
                    from: VV_DNN_FLOAT32, to: VV_DNN_FLOAT32)
            }
            // dx = dy·W is the layer of the weight Wᵀ.
            let transposed = FloatBuffer(linear.weight.count)
            vv_transpose(transposed.start, linear.weight, linear.outputs, linear.inputs, linear.inputs)
            backward = try OneDNNProduct(
                weight: transposed.start, outputs: linear.inputs, inputs: linear.outputs,
                from: VV_DNN_FLOAT32, to: VV_DNN_FLOAT32)
        }
    }

    /// - Parameter isPacked: whether oneDNN multiplies, by copies of the weights in its layouts; else OpenBLAS
    ///   does, by the weights as they are.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`.
    init(_ linear: Linear, isPacked: Bool) throws {
        self.linear = linear
        product = try MatrixProduct()
        packed = isPacked ? try Packed(linear) : nil
    }

    /// y = x·Wᵀ.
    ///
    /// - Parameters:
    ///   - y: `rows × outputs`.
    ///   - x: `rows × inputs`.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func forward(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int) throws {
        if let packed {
            for (start, count) in RowTiles(rows: rows, most: Self.packedRowTile) {
                try packed.forward(
                    rows: count, input: x + start * linear.inputs, output: y + start * linear.outputs)
            }
        } else {
            product(
                y, stride: linear.outputs, x, stride: linear.inputs, linear.weight, stride: linear.inputs,
                bTransposed: true, m: rows, n: linear.outputs, k: linear.inputs)
        }
    }

    /// dx = dy·W.
    ///
    /// - Parameters:
    ///   - dx: `rows × inputs`.
    ///   - dy: `rows × outputs`.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func backward(_ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, rows: Int) throws {
        if let packed {
            for (start, count) in RowTiles(rows: rows, most: Self.packedRowTile) {
                try packed.backward(
                    rows: count, input: dy + start * linear.outputs, output: dx + start * linear.inputs)
            }
        } else {
            product(
                dx, stride: linear.inputs, dy, stride: linear.outputs, linear.weight, stride: linear.inputs,
                bTransposed: false, m: rows, n: linear.inputs, k: linear.outputs)
        }
    }
}
