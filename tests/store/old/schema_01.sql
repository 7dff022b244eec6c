BEGIN TRANSACTION;
CREATE TABLE datasets (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, classes TEXT NOT NULL, counts TEXT NOT NULL,
    n_skipped BIGINT NOT NULL, source TEXT NOT NULL, created_at DOUBLE NOT NULL, warnings TEXT NOT NULL
);
INSERT INTO "datasets" VALUES('ed186aff75c98794','Björk & <b>','["Björk & <b>", "cat"]','[8, 8]',0,'folder',1.79612947756960225102e+09,'[]');
CREATE TABLE images (
    dataset_id TEXT NOT NULL, position BIGINT NOT NULL,
    sha256 TEXT NOT NULL, name TEXT NOT NULL, class_name TEXT NOT NULL, split TEXT, extension TEXT NOT NULL,
    width BIGINT NOT NULL, height BIGINT NOT NULL, PRIMARY KEY (dataset_id, position),
    FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
INSERT INTO "images" VALUES('ed186aff75c98794',0,'1324ab028933c70f913688e31e9afbea331bb92f52df41f79dc82f770336d741','Björk & <b>/5.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',1,'179789df139563fb1a355345cb5eb4a9e37cd0fe601b7938b8eb525a1747fdae','Björk & <b>/7.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',2,'28ef277df8a2883f7ac1d5d445cba00058cfe06c7f16c771b4d5c6b851af0c1b','Björk & <b>/2.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',3,'7064a279ed78a1dfdb70f3f7452736267451ca6d57fefc39369935a3673c83bc','Björk & <b>/4.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',4,'7718cb1cdfc2a40e71bdfd95ad5dd530a914a53858b1061af58afb78f41e1bc5','Björk & <b>/0.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',5,'cbf823fbea5b5efac817e3ad63772b6aa1631fd04117f505a13c734e872c24c9','Björk & <b>/1.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',6,'ddec8491f47e22da9682de0474dcd6574715297ff3b945e572a374e8c456430d','Björk & <b>/3.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',7,'e3c3e9d7b894c005038c4c2f7d31428522e2c16da8027b1e9b48ca1bc1735bf6','Björk & <b>/6.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',8,'13b037303c9da76005ec1bf40ca785d0af944e3fd0f9b68a35d1ae90dd27cd4d','cat/6.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',9,'141a7c1a6368c8b896fa3d06707444aaa24e110c1e5905577356ea3f77db3733','cat/4.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',10,'341d8b2035c07c296e015ee21b6850facbf8f86c74c3f5386798b20aedcae13c','cat/7.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',11,'636624e71ff7447c557b21c2f256910ad153e9888f7233b9b9c8afce93b90926','cat/3.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',12,'7afd9738ae890fc6a73c6210b618639f558213ee3881267d6bb98e224ef37234','cat/5.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',13,'9cbf3270f0bc648b01cbd184c0c92327834767d2551d8d792161a2ba4066e10c','cat/1.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',14,'a84e552f5033d399a0db4701ab62e73bada7aadbe5a216f8b80b5010ff4e0648','cat/0.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',15,'b4c87c76e1d7454c383367ef93ef1ffc69cc840bf9593dd5bdcc6783d0a614eb','cat/2.png','cat',NULL,'png',32,32);
CREATE TABLE metrics (
    run_id TEXT NOT NULL, seq BIGINT NOT NULL, epoch BIGINT NOT NULL,
    step BIGINT NOT NULL, split TEXT NOT NULL, name TEXT NOT NULL, value DOUBLE, n BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "metrics" VALUES('c69v4b4w',0,1,1,'train','batch_loss',7.422657012939453125e-01,4);
INSERT INTO "metrics" VALUES('c69v4b4w',1,1,2,'train','batch_loss',6.77121460437774658203e-01,4);
INSERT INTO "metrics" VALUES('c69v4b4w',2,1,3,'train','batch_loss',5.92746019363403320312e-01,4);
INSERT INTO "metrics" VALUES('c69v4b4w',3,1,3,'train','loss',6.70711060365041134012e-01,12);
INSERT INTO "metrics" VALUES('c69v4b4w',4,1,3,'train','accuracy',5.8333333333333337034e-01,12);
INSERT INTO "metrics" VALUES('c69v4b4w',5,1,3,'val','loss',4.79747954842596135982e-01,2);
INSERT INTO "metrics" VALUES('c69v4b4w',6,1,3,'val','accuracy',1.0,2);
INSERT INTO "metrics" VALUES('c69v4b4w',7,2,4,'train','batch_loss',5.29672741889953613281e-01,4);
INSERT INTO "metrics" VALUES('c69v4b4w',8,2,5,'train','batch_loss',3.82683783769607543945e-01,4);
INSERT INTO "metrics" VALUES('c69v4b4w',9,2,6,'train','batch_loss',3.72763842344284057617e-01,4);
INSERT INTO "metrics" VALUES('c69v4b4w',10,2,6,'train','loss',4.28373456001281738281e-01,12);
INSERT INTO "metrics" VALUES('c69v4b4w',11,2,6,'train','accuracy',1.0,12);
INSERT INTO "metrics" VALUES('c69v4b4w',12,2,6,'val','loss',0.369064742960733,2);
INSERT INTO "metrics" VALUES('c69v4b4w',13,2,6,'val','accuracy',1.0,2);
CREATE TABLE predictions (
    run_id TEXT NOT NULL, split TEXT NOT NULL, epoch BIGINT NOT NULL,
    n_classes BIGINT NOT NULL, positions BLOB NOT NULL, labels BLOB NOT NULL, probabilities BLOB NOT NULL,
    PRIMARY KEY (run_id, split),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "predictions" VALUES('c69v4b4w','val',2,2,X'07000000000000000A00000000000000',X'00000000000000000100000000000000',X'28842E3FB1F7A23E04FD983E7E81333F');
INSERT INTO "predictions" VALUES('c69v4b4w','test',2,2,X'01000000000000000E00000000000000',X'00000000000000000100000000000000',X'29BB2C3FAD89A63E16FA773E7B01423F');
CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    cancel_requested BOOLEAN NOT NULL, config TEXT NOT NULL, dataset_id TEXT NOT NULL, dataset_name TEXT NOT NULL,
    created_at DOUBLE NOT NULL, started_at DOUBLE, finished_at DOUBLE,
    message TEXT NOT NULL, progress TEXT, epochs_done BIGINT NOT NULL, best_epoch BIGINT,
    val_accuracy DOUBLE, result TEXT, facts TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,'c69v4b4w','completed',0,'{"data":{"dataset_id":"ed186aff75c98794","val_fraction":0.15,"test_fraction":0.15,"split_seed":0},"model":{"backbone":"tf_efficientnet_lite0","pretrained":true,"frozen_stages":"all","hidden_units":16,"dropout":0.0},"train":{"epochs":2,"batch_size":4,"optimizer":"sgd","learning_rate":null,"backbone_learning_rate":null,"weight_decay":0.01,"augment":false,"seed":0}}','ed186aff75c98794','Björk & <b>',1.79612947929379177091e+09,1.79612947929621124265e+09,1.79612948092855548862e+09,'','{"stage": "testing", "fraction": 1.0, "detail": "2 of 2 images", "seconds_left": null}',2,2,1.0,'{"n": 2, "loss": 0.3353654550117665, "accuracy": 1.0, "precision_macro": 1.0, "recall_macro": 1.0, "f1_macro": 1.0, "baseline_accuracy": 0.5}','{"trainable_parameters": 20530, "total_parameters": 3391538, "classes": ["Björk & <b>", "cat"], "environment": {"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "timm": "1.0.31", "pillow": "13.0.0", "numpy": "2.4.6"}, "device": "CPU (x86_64, 1 thread)", "splits": {"train": 12, "val": 2, "test": 2}, "split_warnings": [], "frozen_stages": 9, "cached_views": 1, "seconds_by_stage": {"reading images": 0.2346873920005237, "preparing features": 0.914615770000637, "training": 0.13336393800000224, "testing": 0.32898335099980613}}');
CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE skipped_files (
    dataset_id TEXT NOT NULL, position BIGINT NOT NULL,
    name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (dataset_id, position),
    FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
CREATE INDEX runs_by_state ON runs (state, number);
CREATE INDEX runs_by_dataset ON runs (dataset_id);
COMMIT;
