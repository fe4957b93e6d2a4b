/// The tokens before the patches, in this order: class token, distillation token, registers.
package struct PrefixTokens: Sendable, Hashable {
    package var hasClassToken: Bool
    package var hasDistillationToken: Bool
    /// Register tokens carry no position.
    package var registers: Int

    package init(hasClassToken: Bool = true, hasDistillationToken: Bool = false, registers: Int = 0) {
        self.hasClassToken = hasClassToken
        self.hasDistillationToken = hasDistillationToken
        self.registers = registers
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

    package var count: Int { positioned + registers }

    /// Tokens that a position table may have an entry for; they come first.
    var positioned: Int { (hasClassToken ? 1 : 0) + (hasDistillationToken ? 1 : 0) }
}
