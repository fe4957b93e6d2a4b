import Base
import CKernels

/// Linear layers over OpenBLAS, in 32-bit floats.
struct OpenBLASBackend: Backend {
    private let blas: OpenBLAS
    let packsWeights = false

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init() throws { blas = try OpenBLAS.shared() }

    var description: String { "OpenBLAS (\(blas.coreName))" }

    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, _ precision: Precision, output: Storage
    ) throws -> any LinearLayer {
        guard precision == .float32, output == .float32 else {
            throw VitvideoError.mathLibraryFailed(
                library: "OpenBLAS", operation: "products in \(precision.rawValue)")
        }
        return Layer(blas: blas, linear: linear, epilogue: epilogue)
    }

    private struct Layer: LinearLayer {
        let blas: OpenBLAS
        let linear: Linear
        let epilogue: Epilogue

        func apply(
            rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer,
            scratch: UnsafeMutableRawPointer
        ) {
            let output = output.assumingMemoryBound(to: Float.self)
            blas.product(
                output, stride: linear.outputs, input.assumingMemoryBound(to: Float.self),
                stride: linear.inputs, linear.weight, stride: linear.inputs, bTransposed: true, m: rows,
                n: linear.outputs, k: linear.inputs, beta: epilogue == .residual ? 1 : 0)
            switch epilogue {
            case .bias, .residual:
                if !linear.bias.isEmpty { vv_add_bias(output, linear.bias, rows, linear.outputs) }
            case .activation(let activation):
                activation.apply(to: output, in: .float32, bias: linear.bias, rows: rows)
            }
        }
    }
}
