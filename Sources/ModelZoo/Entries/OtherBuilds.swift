/// Models of other builds than the plain Vision Transformer's, which the hub holds for timm: known by timm's names, each with
/// the tag of its first weights.
extension ModelZoo {
    package static let otherBuilds: [OtherBuild] = [
        OtherBuild(
            "ms_in1k", "swin_tiny_patch4_window7_224", "swin_small_patch4_window7_224",
            "swin_base_patch4_window7_224",
            "swin_base_patch4_window12_384", "swinv2_tiny_window8_256", "swinv2_tiny_window16_256",
            "swinv2_small_window8_256", "swinv2_small_window16_256", "swinv2_base_window8_256",
            "swinv2_base_window16_256"),
        OtherBuild("ms_in22k_ft_in1k", "swin_large_patch4_window7_224", "swin_large_patch4_window12_384"),
        OtherBuild(
            "in1k", "pit_ti_224", "pit_xs_224", "pit_s_224", "pit_b_224", "pit_ti_distilled_224",
            "pit_xs_distilled_224",
            "pit_s_distilled_224", "pit_b_distilled_224"),
        OtherBuild("fb_in1k", "convit_tiny", "convit_small", "convit_base"),
        OtherBuild(
            "in1k", "coat_lite_tiny", "coat_lite_mini", "coat_lite_small", "coat_lite_medium", "coat_tiny",
            "coat_mini",
            "coat_small"),
        OtherBuild(
            "in1k", "twins_svt_small", "twins_svt_base", "twins_svt_large", "twins_pcpvt_small",
            "twins_pcpvt_base",
            "twins_pcpvt_large"),
        OtherBuild(
            "fb_dist_in1k", "cait_xxs24_224", "cait_xxs24_384", "cait_xxs36_224", "cait_xxs36_384",
            "cait_xs24_384",
            "cait_s24_224", "cait_s24_384", "cait_s36_384", "cait_m36_384", "cait_m48_448"),
    ]

    /// Models whose weights have one tag.
    package struct OtherBuild: Sendable {
        package let tag: String
        package let names: [String]

        init(_ tag: String, _ names: String...) { (self.tag, self.names) = (tag, names) }
    }

    /// The repository that holds the model of one of these names; nil for another.
    package static func repository(ofOtherBuild name: String) -> HubReference? {
        otherBuilds.first { $0.names.contains(name) }.flatMap { HubReference("hf:timm/\(name).\($0.tag)") }
    }
}
