import CSIProto

extension CapabilityTable {
    /// Every ability, in the order in which capabilities are listed.
    static let rows: [Row] = controllerRows + snapshotRows + nodeRows

    private static let controllerRows: [Row] = [
        Row(ability: .volumeProvisioning, plugin: [.controllerService], controller: [.createDeleteVolume]) {
            guard let driver = $0 as? any VolumeProvisioning else { return false }
            $1.addProvisioning(driver)
            return true
        },
        Row(ability: .topologyAware, plugin: [.volumeAccessibilityConstraints]) { driver, _ in
            driver is any TopologyAware
        },
        Row(ability: .volumeAttaching, controller: [.publishUnpublishVolume]) {
            guard let driver = $0 as? any VolumeAttaching else { return false }
            $1.addAttaching(driver)
            return true
        },
        Row(ability: .readOnlyAttaching, controller: [.publishReadonly]) { driver, _ in
            driver is any ReadOnlyAttaching
        },
        Row(ability: .volumeListing, controller: [.listVolumes]) {
            guard let driver = $0 as? any VolumeListing else { return false }
            $1.addListing(driver)
            return true
        },
        Row(ability: .publishedNodesListing, controller: [.listVolumesPublishedNodes]) { driver, _ in
            driver is any PublishedNodesListing
        },
        Row(ability: .capacityReporting, controller: [.getCapacity]) {
            guard let driver = $0 as? any CapacityReporting else { return false }
            $1.addCapacity(driver)
            return true
        },
        Row(ability: .volumeCloning, controller: [.cloneVolume]) { driver, _ in driver is any VolumeCloning },
        Row(ability: .volumeExpanding, controller: [.expandVolume]) {
            guard let driver = $0 as? any VolumeExpanding else { return false }
            $1.addExpanding(driver)
            return true
        },
        Row(ability: .volumeModifying, controller: [.modifyVolume]) {
            guard let driver = $0 as? any VolumeModifying else { return false }
            $1.addModifying(driver)
            return true
        },
        Row(ability: .volumeReading, controller: [.getVolume]) {
            guard let driver = $0 as? any VolumeReading else { return false }
            $1.addReading(driver)
            return true
        },
        Row(ability: .volumeHealthReporting, controller: [.volumeCondition]) { driver, _ in
            driver is any VolumeHealthReporting
        },
    ]

    private static let snapshotRows: [Row] = [
        Row(ability: .snapshotCapable, controller: [.createDeleteSnapshot]) {
            guard let driver = $0 as? any SnapshotCapable else { return false }
            $1.addSnapshots(driver)
            return true
        },
        Row(ability: .snapshotListing, controller: [.listSnapshots]) {
            guard let driver = $0 as? any SnapshotListing else { return false }
            $1.addSnapshotListing(driver)
            return true
        },
        Row(ability: .snapshotReading, controller: [.getSnapshot]) {
            guard let driver = $0 as? any SnapshotReading else { return false }
            $1.addSnapshotReading(driver)
            return true
        },
        Row(
            ability: .groupSnapshotCapable, plugin: [.groupControllerService],
            group: [.createDeleteGetVolumeGroupSnapshot]
        ) {
            guard let driver = $0 as? any GroupSnapshotCapable else { return false }
            $1.addGroupSnapshots(driver)
            return true
        },
        Row(ability: .changedBlockReporting, plugin: [.snapshotMetadataService]) {
            guard let driver = $0 as? any ChangedBlockReporting else { return false }
            $1.addChangedBlocks(driver)
            return true
        },
    ]

    private static let nodeRows: [Row] = [
        Row(ability: .volumePublishing, node: [.getVolumeStats]) {
            guard let driver = $0 as? any VolumePublishing else { return false }
            $1.addPublishing(driver)
            return true
        },
        Row(ability: .volumeStaging, node: [.stageUnstageVolume]) {
            guard let driver = $0 as? any VolumeStaging else { return false }
            $1.addStaging(driver)
            return true
        },
        Row(ability: .nodeExpanding, node: [.expandVolume]) {
            guard let driver = $0 as? any NodeExpanding else { return false }
            $1.addNodeExpanding(driver)
            return true
        },
        Row(ability: .nodeHealthReporting, node: [.volumeCondition]) { driver, _ in
            driver is any NodeHealthReporting
        },
        Row(ability: .mountGroupApplying, node: [.volumeMountGroup]) { driver, _ in
            driver is any MountGroupApplying
        },
    ]
}
