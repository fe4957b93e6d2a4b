import CKernels

extension Activation {
    /// The constants of an activation x · σ(linear·x + cubic·x³); nil for the others.
    private var logistic: vv_logistic_gelu? {
        switch self {
        case .gelu, .swiglu: nil
        case .geluTanh:
            vv_logistic_gelu(linear: 1.595_769_121_605_730_7, cubic: 0.071_354_816_272_600_24)
        case .quickGELU: vv_logistic_gelu(linear: 1.702, cubic: 0)
        }
    }

    /// In place: x = f(x + b), over rows × `bias.count`, for an activation that is not gated.
    func apply(to x: UnsafeMutableRawPointer, in storage: Storage, bias: [Float], rows: Int) {
        switch (storage, logistic) {
        case (.float32, nil):
            vv_bias_gelu(x.assumingMemoryBound(to: Float.self), bias, rows, bias.count)
        case (.bfloat16, nil):
            vv_bias_gelu_bf16(x.assumingMemoryBound(to: UInt16.self), bias, rows, bias.count)
        case (.float32, let logistic?):
            vv_bias_logistic_gelu(x.assumingMemoryBound(to: Float.self), bias, rows, bias.count, logistic)
        case (.bfloat16, let logistic?):
            vv_bias_logistic_gelu_bf16(
                x.assumingMemoryBound(to: UInt16.self), bias, rows, bias.count, logistic)
        }
    }

    /// activated = f(hidden + b), in 32-bit floats; `hidden` stays as it is.
    ///
    /// - Parameters:
    ///   - activated: `rows × width`.
    ///   - hidden: `rows × hidden width`, twice as wide where the activation is gated.
    ///   - width: of what comes out.
    func apply(
        _ activated: UnsafeMutablePointer<Float>, _ hidden: UnsafePointer<Float>, bias: [Float], rows: Int,
        width: Int
    ) {
        if isGated {
            vv_bias_swiglu(activated, hidden, bias, rows, width)
        } else {
            activated.update(from: hidden, count: rows * width)
            apply(to: activated, in: .float32, bias: bias, rows: rows)
        }
    }

    /// As `apply`, leaving in `hidden` what `backward(_:_:kept:bias:rows:width:)` starts from: the slope f'(hidden + b) of
    /// GELU, and of the others what was there.
    ///
    /// - Parameters: as above.
    func applyKeeping(
        _ activated: UnsafeMutablePointer<Float>, _ hidden: UnsafeMutablePointer<Float>, bias: [Float],
        rows: Int, width: Int
    ) {
        if self == .gelu {
            vv_gelu_with_slope(activated, hidden, bias, rows, width)
        } else {
            apply(activated, hidden, bias: bias, rows: rows, width: width)
        }
    }

    /// The backward pass of `applyKeeping`; parameters as for the other one.
    func backward(
        _ hiddenGradient: UnsafeMutablePointer<Float>, _ activatedGradient: UnsafePointer<Float>,
        kept: UnsafePointer<Float>, bias: [Float], rows: Int, width: Int
    ) {
        if self == .gelu {
            vv_scale_columns(hiddenGradient, activatedGradient, kept, 1, rows * width)
        } else {
            backward(hiddenGradient, activatedGradient, hidden: kept, bias: bias, rows: rows, width: width)
        }
    }

    /// The backward pass of `apply`: hiddenGradient = activatedGradient · f'(hidden + b). An activation
    /// that is not gated allows both gradients in one buffer.
    ///
    /// - Parameters:
    ///   - hiddenGradient: `rows × hidden width`.
    ///   - activatedGradient: `rows × width`.
    func backward(
        _ hiddenGradient: UnsafeMutablePointer<Float>, _ activatedGradient: UnsafePointer<Float>,
        hidden: UnsafePointer<Float>, bias: [Float], rows: Int, width: Int
    ) {
        if isGated {
            vv_swiglu_backward(hiddenGradient, activatedGradient, hidden, bias, rows, width)
            return
        }
        if activatedGradient != UnsafePointer(hiddenGradient) {
            hiddenGradient.update(from: activatedGradient, count: rows * width)
        }
        if let logistic {
            vv_logistic_gelu_backward(hiddenGradient, hidden, bias, rows, width, logistic)
        } else {
            vv_gelu_backward(hiddenGradient, hidden, bias, rows, width)
        }
    }
}

/// An activation over what a product has put out, for a library that does not fuse it.
struct ActivationStep: Sendable {
    let activation: Activation
    let bias: [Float]
    let storage: Storage

    /// Nil for a layer whose epilogue is another.
    init?(_ epilogue: Epilogue, bias: [Float], storage: Storage) {
        guard case .activation(let activation) = epilogue else { return nil }
        self.activation = activation
        self.bias = bias
        self.storage = storage
    }

    func apply(rows: Int, to values: UnsafeMutableRawPointer) {
        activation.apply(to: values, in: storage, bias: bias, rows: rows)
    }
}
