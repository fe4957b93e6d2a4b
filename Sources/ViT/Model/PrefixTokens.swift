/// The tokens before the patches, in this order: class token, distillation token, registers.
package struct PrefixTokens: Sendable, Hashable {
    package var hasClassToken: Bool
    package var hasDistillationToken: Bool
    package var registers: Int
    /// Whether a position table may have entries for the registers, as timm's may; DINOv2's has none.
    package var positionsRegisters: Bool

    package init(
        hasClassToken: Bool = true, hasDistillationToken: Bool = false, registers: Int = 0,
        positionsRegisters: Bool = false
    ) {
        self.hasClassToken = hasClassToken
        self.hasDistillationToken = hasDistillationToken
        self.registers = registers
        self.positionsRegisters = positionsRegisters
    }

    /// One tensor of prefix tokens, `1 × count × D`.
    struct Part {
        let name: String
        let count: Int
    }

    /// The tensors under their canonical names, in the order of the tokens.
    var parts: [Part] {
        [
            Part(name: "cls_token", count: hasClassToken ? 1 : 0),
            Part(name: "dist_token", count: hasDistillationToken ? 1 : 0),
            Part(name: "register_tokens", count: registers),
        ].filter { $0.count > 0 }
    }

    package var count: Int { beforeRegisters + registers }

    /// Tokens that a position table may have an entry for; they come first.
    var positioned: Int { beforeRegisters + (positionsRegisters ? registers : 0) }

    private var beforeRegisters: Int { (hasClassToken ? 1 : 0) + (hasDistillationToken ? 1 : 0) }
}
