/// Class token and patches run apart up to a block and together from there: the experiment "isolating CLS" of
/// Ghiasi et al. 2022.
extension ForwardPass {
    /// Runs a picture once for every number l of divided blocks, from 0, the usual pass, to the model's depth. In a
    /// divided block the class token attends to itself alone, and all other tokens (registers and a distillation
    /// token are among them) to one another.
    ///
    /// The divided blocks are computed once; each joint part branches off them, L(L + 1)/2 blocks in all.
    ///
    /// - Parameters:
    ///   - request: `attentionBlocks` are given where they are joint; of a divided one there is no attention to
    ///     patches. Class tokens of `classTokenBlocks` are those of divided and joint blocks as they come.
    ///   - body: called in the order of l.
    /// - Precondition: the model has a class token; the request asks for no neurons and for the class token's
    ///   attention.
    /// - Throws: as `run`, and what the body throws.
    package func runDivided(
        _ input: PatchMatrix, _ request: ForwardRequest,
        _ body: (_ dividedBlocks: Int, _ result: ForwardResult) throws -> Void
    ) throws {
        let c = model.configuration
        precondition(c.prefix.hasClassToken, "there is a token to divide from the others")
        precondition(request.neuronBlocks.isEmpty && request.query == nil, "neurons are not recorded here")
        try check(request)
        let pass = try begin(input)
        let branch = FloatBuffer(scratch.residualBuffer.count)
        var dividedTokens: [Float] = []
        for divided in 0...c.depth {
            branch.start.update(from: scratch.residual, count: branch.count)
            var result = ForwardResult()
            result.classTokens = dividedTokens
            for index in divided..<c.depth {
                if request.attentionBlocks.contains(index) {
                    result.attention[index] = try attention(of: index, pass, request, input)
                }
                try finishBlock(index, pass) { try $0.attend(index) }
                if index >= c.depth - request.classTokenBlocks {
                    result.classTokens += normalizedClassToken()
                }
            }
            try finish(request, input, into: &result)
            try body(divided, result)
            guard divided < c.depth else { return }
            scratch.residual.update(from: branch.start, count: branch.count)
            try finishBlock(divided, pass) { try $0.attendDivided(divided) }
            if divided >= c.depth - request.classTokenBlocks { dividedTokens += normalizedClassToken() }
        }
    }

    private func finishBlock(_ index: Int, _ pass: BlockPass, attend: (BlockPass) throws -> Void) throws {
        let block = block(index)
        try pass.projectQKV(block)
        try attend(pass)
        try pass.projectAndFeedForward(block)
        try checkResidual("layer \(index)")
    }
}

extension BlockPass {
    /// As `attend`, of a block in which the class token attends to itself alone and the others to one another.
    func attendDivided(_ index: Int) throws {
        try attend(index, among: 0..<1)
        try attend(index, among: 1..<tokens)
    }
}
